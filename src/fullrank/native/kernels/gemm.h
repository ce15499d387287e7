// C = A B (or C += A B) for small row-major matrices that stay in the cache.
#pragma once

#include "vec.h"

namespace fr {

constexpr long TILE_ROWS = 6;
constexpr long TILE_VECS = W == 16 ? 4 : 2;  // accumulators, a row of B and a number of A: registers
constexpr long PANEL = 128;                  // rows of B at a time, so that they stay in the first cache

template <int R, int N>
inline void tile(const float* a, long lda, const float* b, long ldb, float* c, long ldc, long k,
                 bool add) {
    Vec t[R][N];
#pragma GCC unroll 8
    for (int i = 0; i < R; ++i)
#pragma GCC unroll 8
        for (int j = 0; j < N; ++j) t[i][j] = add ? load(c + i * ldc + j * W) : Vec{};
    for (long p = 0; p < k; ++p) {
        Vec row[N];
#pragma GCC unroll 8
        for (int j = 0; j < N; ++j) row[j] = load(b + p * ldb + j * W);
#pragma GCC unroll 8
        for (int i = 0; i < R; ++i) {
            Vec x = all(a[i * lda + p]);
#pragma GCC unroll 8
            for (int j = 0; j < N; ++j) t[i][j] = fma(x, row[j], t[i][j]);
        }
    }
#pragma GCC unroll 8
    for (int i = 0; i < R; ++i)
#pragma GCC unroll 8
        for (int j = 0; j < N; ++j) store(c + i * ldc + j * W, t[i][j]);
}

template <int N>
inline void strip(const float* a, long lda, const float* b, long ldb, float* c, long ldc, long m,
                  long k, bool add) {
    long i = 0;
    for (; i + TILE_ROWS <= m; i += TILE_ROWS)
        tile<TILE_ROWS, N>(a + i * lda, lda, b, ldb, c + i * ldc, ldc, k, add);
    for (; i + 4 <= m; i += 4) tile<4, N>(a + i * lda, lda, b, ldb, c + i * ldc, ldc, k, add);
    for (; i < m; ++i) tile<1, N>(a + i * lda, lda, b, ldb, c + i * ldc, ldc, k, add);
}

// a: m x k, b: k x n, c: m x n, n a multiple of W, leading dimensions in floats.
inline void gemm(const float* a, long lda, const float* b, long ldb, float* c, long ldc, long m,
                 long n, long k, bool add) {
    for (long p = 0; p < k || (p == 0 && k == 0); p += PANEL) {
        long depth = k - p < PANEL ? k - p : PANEL;
        bool on_top = add || p > 0;
        long j = 0;
        for (; j + TILE_VECS * W <= n; j += TILE_VECS * W)
            strip<TILE_VECS>(a + p, lda, b + p * ldb + j, ldb, c + j, ldc, m, depth, on_top);
        for (; j < n; j += W) strip<1>(a + p, lda, b + p * ldb + j, ldb, c + j, ldc, m, depth, on_top);
        if (k == 0) break;
    }
}

}  // namespace fr
