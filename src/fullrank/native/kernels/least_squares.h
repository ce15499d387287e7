// Rows that minimise a weighted squared loss over all pairs, given the rows of the other side.
//
// Row x of observed pairs j with confidence 1 + a_j and target 1, and of all others with confidence 1
// and target 0, solves (G + λ I + Y_o^T A Y_o) x = Y_o^T (1 + a), G = Y^T Y. In the basis of G's
// eigenvectors G + λ I is a diagonal D, so with V = A^½ Y_o D^-½ and b = (1 + a) / a^½
//     x = D^-½ V^T (I + V V^T)^-1 b = D^-½ (I + V^T V)^-1 V^T b:
// a system of as many unknowns as the row has pairs, or as there are dimensions, whichever is less.
// V^T V is at most max(a) I, which bounds the condition of both: float32 is enough.
#pragma once

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdint>

#include "cross.h"
#include "memory.h"
#include "status.h"
#include "team.h"

namespace fr {

// Widths of tables are multiples of W: columns beyond the dimensions hold zeros.
struct LeastSquares {
    int64_t n_rows, dim, threads;
    const int64_t* indptr;
    const int32_t* indices;
    const float* extra;      // (nnz,) a
    const int64_t* order;    // (n_rows,) the rows in the order in which they are begun
    const float* penalty;    // (n_rows,) λ
    const float* spectrum;   // (dim,) eigenvalues of G
    const float* table;      // (n_other, dim) Y in the basis of G's eigenvectors
    float* into;             // (n_rows, dim)
};

inline void check_width(int64_t dim) {
    check_size("dim", dim);
    if (dim % W) throw OutOfRange("dim modulo the vectors' width", -1, dim % W, 0, 1);
}

// The work of one member.
class RowSolver {
   public:
    explicit RowSolver(const LeastSquares& job)
        : job_(job),
          d_(job.dim),
          room_(std::max(d_, CHUNK)),
          v_(room_ * d_),
          turned_(d_ * d_),
          matrix_(d_ * d_),
          scale_(d_),
          inverse_(d_),
          right_(std::max(d_, room_)),
          work_(std::max(d_, room_)),
          total_(d_) {}

    void row(int64_t row) {
        const int64_t begin = job_.indptr[row], n = job_.indptr[row + 1] - begin;
        float* x = job_.into + row * d_;
        if (n == 0) {
            std::fill(x, x + d_, 0.0f);
            return;
        }
        for (long c = 0; c < d_; ++c)
            scale_.at(0)[c] = 1 / std::sqrt(job_.spectrum[c] + job_.penalty[row]);
        n <= d_ ? by_pairs(begin, n, x) : by_dimensions(begin, n, x);
    }

   private:
    static constexpr long CHUNK = 256;  // rows of V at a time where there are many

    // n rows of V, and b.
    void gather(int64_t begin, long n) {
        const float* scale = scale_.at(0);
        for (long j = 0; j < n; ++j) {
            const float* y = job_.table + job_.indices[begin + j] * d_;
            if (j + 1 < n)
                for (long c = 0; c < d_; c += static_cast<long>(LINE / sizeof(float)))
                    __builtin_prefetch(job_.table + job_.indices[begin + j + 1] * d_ + c);
            const float a = job_.extra[begin + j], root = std::sqrt(a);
            right_.at(0)[j] = (1 + a) / root;
            for (long c = 0; c < d_; c += W)
                store(v_.at(j * d_ + c), load(y + c) * load(scale + c) * all(root));
        }
    }

    // The matrix <- I, m x m in rows of ld numbers.
    void identity(long m, long ld) {
        std::fill(matrix_.at(0), matrix_.at(m * ld), 0.0f);
        for (long k = 0; k < m; ++k) *matrix_.at(k * ld + k) = 1;
    }

    // x = D^-½ V^T (I + V V^T)^-1 b
    void by_pairs(int64_t begin, long n, float* x) {
        const long wide = padded(n);
        gather(begin, n);
        std::fill(v_.at(n * d_), v_.at(wide * d_), 0.0f);
        std::fill(right_.at(n), right_.at(wide), 0.0f);
        for (long j = 0; j < wide; j += W)
            for (long c = 0; c < d_; c += W) {
                Vec part[W];
                transpose(v_.at(j * d_ + c), d_, part);
                for (long i = 0; i < W; ++i) store(turned_.at((c + i) * wide + j), part[i]);
            }
        identity(n, wide);
        cross<false>(turned_.at(0), wide, d_, matrix_.at(0), wide, 0, n);
        cholesky(matrix_.at(0), wide, n, inverse_.at(0));
        solve(matrix_.at(0), wide, n, inverse_.at(0), right_.at(0), work_.at(0));
        for (long c = 0; c < d_; c += W) {
            Vec total{};
            for (long j = 0; j < n; ++j)
                total = fma(all(*right_.at(j)), load(v_.at(j * d_ + c)), total);
            store(x + c, total * load(scale_.at(c)));
        }
    }

    // x = D^-½ (I + V^T V)^-1 V^T b
    void by_dimensions(int64_t begin, long n, float* x) {
        identity(d_, d_);
        std::fill(total_.begin(), total_.end(), 0.0);
        for (long from = 0; from < n; from += CHUNK) {
            const long count = std::min(CHUNK, n - from);
            gather(begin + from, count);
            cross<false>(v_.at(0), d_, count, matrix_.at(0), d_, 0, d_);
            for (long c = 0; c < d_; c += W) {
                Vec part{};
                for (long j = 0; j < count; ++j)
                    part = fma(all(*right_.at(j)), load(v_.at(j * d_ + c)), part);
                for (long i = 0; i < W; ++i) total_[c + i] += part[i];
            }
        }
        for (long c = 0; c < d_; ++c) *right_.at(c) = static_cast<float>(total_[c]);
        cholesky(matrix_.at(0), d_, d_, inverse_.at(0));
        solve(matrix_.at(0), d_, d_, inverse_.at(0), right_.at(0), work_.at(0));
        for (long c = 0; c < d_; c += W) store(x + c, load(right_.at(c)) * load(scale_.at(c)));
    }

    const LeastSquares& job_;
    const long d_, room_;
    Floats v_, turned_, matrix_, scale_, inverse_, right_, work_;
    Array<double> total_;
};

// A member solves a row alone, so its bits depend on no other.
inline void least_squares(const LeastSquares& job) {
    check_width(job.dim);
    check_rows("order", job.order, job.n_rows, job.n_rows);
    constexpr long AT_A_TIME = 8;
    std::atomic<long> next{0};
    team(job.threads, [&](int, int, Barrier&) {
        RowSolver solver(job);
        for (;;) {
            const long first = next.fetch_add(AT_A_TIME);
            if (first >= job.n_rows) return;
            const long last = std::min<long>(first + AT_A_TIME, job.n_rows);
            for (long k = first; k < last; ++k) solver.row(job.order[k]);
        }
    });
}

// G = Y^T Y in float64: products of GRAM_ROWS rows in float32, the sums of them in the order of the
// rows. Members share the squares of G.
inline void gram(const float* table, int64_t n, int64_t dim, double* into, int64_t threads) {
    check_width(dim);
    constexpr long SIDE = TILE_VECS * W, GRAM_ROWS = 256;
    const long squares = (dim + SIDE - 1) / SIDE;
    std::atomic<long> next{0};
    team(threads, [&](int, int, Barrier&) {
        Array<float> part(SIDE * SIDE);
        Array<double> total(SIDE * SIDE);
        for (;;) {
            const long at = next.fetch_add(1), i = at / squares * SIDE, j = at % squares * SIDE;
            if (at >= squares * squares) return;
            if (j < i) continue;
            const long high = std::min(SIDE, dim - i), wide = std::min(SIDE, dim - j);
            std::fill(total.begin(), total.end(), 0.0);
            for (long from = 0; from < n; from += GRAM_ROWS) {
                const float* rows = table + from * dim;
                std::fill(part.begin(), part.end(), 0.0f);
                const long count = std::min(GRAM_ROWS, n - from);
                if (wide == SIDE)
                    cross_strip<false, TILE_VECS>(rows + i, rows + j, dim, count, part.data(), SIDE,
                                                  0, high);
                else
                    for (long c = 0; c < wide; c += W)
                        cross_strip<false, 1>(rows + i, rows + j + c, dim, count, &part[c], SIDE, 0,
                                              high);
                for (long k = 0; k < SIDE * SIDE; ++k) total[k] += part[k];
            }
            for (long r = 0; r < high; ++r)
                for (long c = 0; c < wide; ++c)
                    into[(i + r) * dim + j + c] = into[(j + c) * dim + i + r] = total[r * SIDE + c];
        }
    });
}

// into = Y Q, Q dim x dim.
inline void rotate(const float* table, int64_t n, int64_t dim, const float* basis, float* into,
                   int64_t threads) {
    check_width(dim);
    constexpr long ROWS = 48;
    std::atomic<long> next{0};
    team(threads, [&](int, int, Barrier&) {
        for (;;) {
            const long first = next.fetch_add(ROWS);
            if (first >= n) return;
            gemm(table + first * dim, dim, basis, dim, into + first * dim, dim,
                 std::min(ROWS, n - first), dim, dim, false);
        }
    });
}

}  // namespace fr
