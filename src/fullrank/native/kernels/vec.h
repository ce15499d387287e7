// Vectors of floats as wide as the machine has them, and the few functions of them that we need.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

#if defined(__AVX__)
#include <immintrin.h>
#endif

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
typedef uint32_t Words __attribute__((vector_size(W * 4)));
typedef float Loose __attribute__((vector_size(W * 4), aligned(4), may_alias));

inline long padded(long n) { return (n + W - 1) / W * W; }
inline Vec load(const float* p) { return *reinterpret_cast<const Loose*>(p); }
inline void store(float* p, Vec v) { *reinterpret_cast<Loose*>(p) = v; }
inline Vec all(float x) { return x - Vec{}; }  // 0 + x is no copy: it makes +0 of -0

// a * b + c, rounded once where the machine can: left to the compiler, it would be so in one loop and
// not in the next, and sums would depend on how rows are shared among threads.
inline Vec fma(Vec a, Vec b, Vec c) {
#if defined(__AVX512F__)
    return reinterpret_cast<Vec>(_mm512_fmadd_ps(a, b, c));
#elif defined(__FMA__)
    return reinterpret_cast<Vec>(_mm256_fmadd_ps(a, b, c));
#else
    return a * b + c;
#endif
}

#if defined(__clang__) || __GNUC__ >= 12
#define FR_SHUFFLE(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define FR_SHUFFLE(a, b, ...) __builtin_shuffle(a, b, Ints{__VA_ARGS__})
#endif

// The first halves of a and b, or the second, an element of each in turn.
inline Vec zip_low(Vec a, Vec b) {
#if defined(__AVX512F__)
    return FR_SHUFFLE(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
#elif defined(__AVX__)
    return FR_SHUFFLE(a, b, 0, 8, 1, 9, 2, 10, 3, 11);
#else
    return FR_SHUFFLE(a, b, 0, 4, 1, 5);
#endif
}

inline Vec zip_high(Vec a, Vec b) {
#if defined(__AVX512F__)
    return FR_SHUFFLE(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
#elif defined(__AVX__)
    return FR_SHUFFLE(a, b, 4, 12, 5, 13, 6, 14, 7, 15);
#else
    return FR_SHUFFLE(a, b, 2, 6, 3, 7);
#endif
}

// a where bits v to v + W are set, counted from the lowest of the first byte on, and b elsewhere; v is
// a multiple of W.
inline Vec select(const uint8_t* bits, long v, Vec a, Vec b) {
#if defined(__AVX512F__)
    uint16_t set;
    std::memcpy(&set, bits + v / 8, sizeof set);
    return reinterpret_cast<Vec>(_mm512_mask_blend_ps(set, b, a));
#else
    Ints lane;
    for (int i = 0; i < W; ++i) lane[i] = 1 << (i + v % 8);
    return ((Ints{} + bits[v / 8]) & lane) != 0 ? a : b;
#endif
}

inline bool any_above(Vec v, float x) {
#if defined(__AVX512F__)
    return _mm512_cmp_ps_mask(reinterpret_cast<__m512>(v), _mm512_set1_ps(x), _CMP_GT_OQ) != 0;
#elif defined(__AVX__)
    const Ints above = v > all(x);
    return _mm256_movemask_ps(reinterpret_cast<__m256>(above)) != 0;
#else
    bool found = false;
    for (int i = 0; i < W; ++i) found |= v[i] > x;
    return found;
#endif
}

// The transpose of W x W numbers, a row of them each ld numbers.
inline void transpose(const float* from, long ld, Vec* to) {
    Vec zipped[W];
    for (long i = 0; i < W; ++i) to[i] = load(from + i * ld);
    for (long width = 1; width < W; width *= 2) {
        for (long i = 0; i < W / 2; ++i) {
            zipped[2 * i] = zip_low(to[i], to[i + W / 2]);
            zipped[2 * i + 1] = zip_high(to[i], to[i + W / 2]);
        }
        for (long i = 0; i < W; ++i) to[i] = zipped[i];
    }
}

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
    Words whole;  // unsigned, for n may be negative: what does not fit wraps
    std::memcpy(&whole, &shifted, sizeof whole);
    whole = (whole - 0x4B400000u + 127u) << 23;
    Vec scale;
    std::memcpy(&scale, &whole, sizeof scale);
    return p * scale;
}

inline float sigmoid(float x) { return 1.0f / (1.0f + std::exp(-x)); }
inline float softplus(float x) { return std::fmax(x, 0.0f) + std::log1p(std::exp(-std::fabs(x))); }

}  // namespace fr
