// Vectors of floats as wide as the machine has them, and the few functions of them that we need.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

namespace fr {

#if defined(__AVX512F__)
constexpr long W = 16;
#elif defined(__AVX__)
constexpr long W = 8;
#else
constexpr long W = 4;
#endif

typedef float Vec __attribute__((vector_size(W * 4)));
typedef int32_t Ints __attribute__((vector_size(W * 4)));
typedef float Loose __attribute__((vector_size(W * 4), aligned(4), may_alias));

inline long padded(long n) { return (n + W - 1) / W * W; }
inline Vec load(const float* p) { return *reinterpret_cast<const Loose*>(p); }
inline void store(float* p, Vec v) { *reinterpret_cast<Loose*>(p) = v; }
inline Vec all(float x) { return Vec{} + x; }

inline float sum(Vec v) {
    // Pairs, then pairs of pairs: the order that halving registers takes.
    float part[W];
    std::memcpy(part, &v, sizeof part);
    for (long width = W / 2; width > 0; width /= 2)
        for (long i = 0; i < width; ++i) part[i] += part[i + width];
    return part[0];
}

inline float dot(const float* a, const float* b, long n) {
    Vec even{}, odd{};
    long i = 0;
    for (; i + 2 * W <= n; i += 2 * W) {
        even += load(a + i) * load(b + i);
        odd += load(a + i + W) * load(b + i + W);
    }
    if (i + W <= n) {
        even += load(a + i) * load(b + i);
        i += W;
    }
    float total = sum(even + odd);
    for (; i < n; ++i) total += a[i] * b[i];
    return total;
}

// e^x for |x| <= 87, within 2 units in the last place: 2^n times a polynomial on +-ln(2)/2.
inline Vec exp(Vec x) {
    const float shift = 12582912.0f;  // 1.5 * 2^23: adding it rounds to a whole number
    Vec shifted = x * 1.44269504f + shift;
    Vec n = shifted - shift;
    Vec r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
    Vec p = r * 1.9875691500e-4f + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * r * r + r + 1.0f;
    Ints whole;
    std::memcpy(&whole, &shifted, sizeof whole);
    whole = (whole - 0x4B400000 + 127) << 23;
    Vec scale;
    std::memcpy(&scale, &whole, sizeof scale);
    return p * scale;
}

inline float sigmoid(float x) { return 1.0f / (1.0f + std::exp(-x)); }
inline float softplus(float x) { return std::fmax(x, 0.0f) + std::log1p(std::exp(-std::fabs(x))); }

}  // namespace fr
