// Sums of outer products of the rows of a matrix, and Cholesky's factor of what they give.
#pragma once

#include <algorithm>
#include <cmath>

#include "gemm.h"
#include "vec.h"

namespace fr {

// c[i][j] += sum over p of a[p][i] * b[p][j], or -= : R rows and N vectors of c, which stay in
// registers. a and b have rows of ld numbers.
template <bool MINUS, int R, int N>
inline void cross_tile(const float* a, const float* b, long ld, long k, float* c, long ldc) {
    Vec t[R][N];
#pragma GCC unroll 8
    for (int i = 0; i < R; ++i)
#pragma GCC unroll 8
        for (int j = 0; j < N; ++j) t[i][j] = load(c + i * ldc + j * W);
    for (long p = 0; p < k; ++p, a += ld, b += ld) {
        Vec row[N];
#pragma GCC unroll 8
        for (int j = 0; j < N; ++j) row[j] = load(b + j * W);
#pragma GCC unroll 8
        for (int i = 0; i < R; ++i) {
            const Vec x = all(MINUS ? -a[i] : a[i]);
#pragma GCC unroll 8
            for (int j = 0; j < N; ++j) t[i][j] = fma(x, row[j], t[i][j]);
        }
    }
#pragma GCC unroll 8
    for (int i = 0; i < R; ++i)
#pragma GCC unroll 8
        for (int j = 0; j < N; ++j) store(c + i * ldc + j * W, t[i][j]);
}

// The rows begin .. end of N vectors of columns.
template <bool MINUS, int N>
inline void cross_strip(const float* a, const float* b, long ld, long k, float* c, long ldc,
                        long begin, long end) {
    long i = begin;
    for (; i + TILE_ROWS <= end; i += TILE_ROWS)
        cross_tile<MINUS, TILE_ROWS, N>(a + i, b, ld, k, c + i * ldc, ldc);
    for (; i + 2 <= end; i += 2) cross_tile<MINUS, 2, N>(a + i, b, ld, k, c + i * ldc, ldc);
    if (i < end) cross_tile<MINUS, 1, N>(a + i, b, ld, k, c + i * ldc, ldc);
}

// The upper triangle of C += P^T P, or -=, from row and column `first` on: P is k x m. What lies left
// of the diagonal within a strip of columns is written too, and means nothing. Columns of P and of C
// beyond m, up to the next whole vector, must be there.
template <bool MINUS>
inline void cross(const float* p, long ld, long k, float* c, long ldc, long first, long m) {
    for (long depth = 0; depth < k; depth += PANEL, p += PANEL * ld) {
        const long rows = std::min(PANEL, k - depth);
        long j = first / W * W;
        for (; j + TILE_VECS * W <= padded(m); j += TILE_VECS * W)
            cross_strip<MINUS, TILE_VECS>(p, p + j, ld, rows, c + j, ldc, first,
                                          std::min(j + TILE_VECS * W, m));
        for (; j < m; j += W)
            cross_strip<MINUS, 1>(p, p + j, ld, rows, c + j, ldc, first, std::min(j + W, m));
    }
}

constexpr long FACTOR_ROWS = 32;  // of U that are made before they leave the rows below

// Row k of U but for its division, from the rows `from` .. k above it.
inline void eliminate(float* c, long ldc, long from, long k, long width) {
    long j = k / W * W;
    for (; j + 4 * W <= width; j += 4 * W)
        cross_tile<true, 1, 4>(c + from * ldc + k, c + from * ldc + j, ldc, k - from,
                               c + k * ldc + j, ldc);
    for (; j < width; j += W)
        cross_tile<true, 1, 1>(c + from * ldc + k, c + from * ldc + j, ldc, k - from,
                               c + k * ldc + j, ldc);
}

// C = U^T U, U in the place of C's upper triangle (m x m, rows of ldc numbers), and 1 / u_kk. C is to
// be I and a matrix without negative eigenvalues: u_kk is at least 1 but for rounding.
inline void cholesky(float* c, long ldc, long m, float* inverse) {
    const long width = padded(m);
    for (long from = 0; from < m; from += FACTOR_ROWS) {
        const long end = std::min(from + FACTOR_ROWS, m);
        for (long k = from; k < end; ++k) {
            float* row = c + k * ldc;
            eliminate(c, ldc, from, k, width);
            inverse[k] = 1 / std::sqrt(row[k] < 1 ? 1 : row[k]);
            const Vec scale = all(inverse[k]);
            for (long j = k / W * W; j < width; j += W) store(row + j, load(row + j) * scale);
        }
        cross<true>(c + from * ldc, ldc, end - from, c, ldc, end, m);
    }
}

// b <- (U^T U)^-1 b. b and `work` have room for whole vectors, and zeros in b beyond m.
inline void solve(const float* u, long ldc, long m, const float* inverse, float* b, float* work) {
    const long width = padded(m);
    for (long k = 0; k < m; ++k) {  // what is left of b at k and before is not read again
        const float z = work[k] = b[k] * inverse[k];
        for (long j = k / W * W; j < width; j += W)
            store(b + j, fma(all(-z), load(u + k * ldc + j), load(b + j)));
    }
    std::fill(b, b + width, 0.0f);
    for (long k = m - 1; k >= 0; --k) {  // b is zero at k and before
        Vec total{};
        for (long j = k / W * W; j < width; j += W)
            total = fma(load(u + k * ldc + j), load(b + j), total);
        b[k] = (work[k] - sum(total)) * inverse[k];
    }
}

}  // namespace fr
