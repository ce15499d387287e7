// Rows of a graph encoder kept as z = t + u M: what a step adds to t is sparse, to M low-rank.
//
// With gradients G of the batch rows of both sides, U and V the bases, e and o the filter:
//   t <- t - lr (identity G, and hop * weight * g for the neighbours of each row on the other side),
//   M_users <- M_users - lr (e * U^T G_users + o * V^T G_items), and likewise for the items.
#pragma once

#include "gemm.h"
#include "memory.h"
#include "rows.h"

namespace fr {

struct FactoredConfig {
    int64_t rank;  // 0: rows are free
    float identity, hop;
    const float *even, *odd;
    const float* basis[2];
    float* low[2];
    const int64_t* indptr[2];
    const int32_t* indices[2];
    const float* weights[2];
};

class Factored {
   public:
    Factored(const FactoredConfig& config, long batch, long dim)
        : c_(config), B_(batch), D_(dim), R_(padded(config.rank)), ld_(padded(batch)) {
        for (int s = 0; s < 2; ++s) {
            basis_.emplace_back(B_ * R_);
            grad_.emplace_back(D_ * ld_);
            product_.emplace_back(D_ * R_);
        }
    }

    Update first(Update update) const {
        update.lr *= c_.identity;
        return update;
    }

    // x += u M for rows [from, to) of the batch.
    void expand(int s, const int64_t* idx, long from, long to, float* x) {
        for (long b = from; b < to; ++b) {
            if (b + 1 < to)
                for (long k = 0; k < c_.rank; k += 16)
                    __builtin_prefetch(c_.basis[s] + idx[b + 1] * c_.rank + k);
            std::memcpy(basis_[s].at(b * R_), c_.basis[s] + idx[b] * c_.rank,
                        c_.rank * sizeof(float));
        }
        gemm(basis_[s].at(from * R_), R_, c_.low[s], D_, x + from * D_, D_, to - from, D_, c_.rank,
             true);
    }

    // G^T of one side.
    void transpose_gradients(int s, const float* g) {
        for (long b = 0; b < B_; ++b)
            for (long c = 0; c < D_; ++c) *grad_[s].at(c * ld_ + b) = g[b * D_ + c];
    }

    // Rows [from, to) of (U^T G)^T.
    void project(int s, long from, long to) {
        gemm(grad_[s].at(from * ld_), ld_, basis_[s].at(0), R_, product_[s].at(from * R_), R_,
             to - from, R_, B_, false);
    }

    // Rows [from, to) of both M.
    void filter(long from, long to, float lr) {
        for (long k = from; k < to; ++k) {
            const float even = lr * c_.even[k], odd = lr * c_.odd[k];
            float *users = c_.low[0] + k * D_, *items = c_.low[1] + k * D_;
            for (long c = 0; c < D_; ++c) {
                float u = *product_[0].at(c * R_ + k), v = *product_[1].at(c * R_ + k);
                users[c] -= even * u + odd * v;
                items[c] -= even * v + odd * u;
            }
        }
    }

    // Subtracts lr * hop * weight * g[b] from the rows of the neighbours of batch row b of side s, in
    // these columns: scatter-add.
    void scatter_add(int s, const int64_t* idx, const float* g, const Table& other, float lr,
                Range columns) const {
        const float factor = -lr * c_.hop;
        const int32_t* indices = c_.indices[s];
        for (long b = 0; b < B_; ++b) {
            const float* from = g + b * D_;
            const int64_t last = c_.indptr[s][idx[b] + 1];
            for (int64_t e = c_.indptr[s][idx[b]]; e < last; ++e) {
                if (e + 8 < last) {
                    const float* next = other.rows + indices[e + 8] * D_;
                    for (long c = columns.begin; c < columns.end; c += 16)
                        __builtin_prefetch(next + c, 1);
                }
                float *to = other.rows + indices[e] * D_, weight = factor * c_.weights[s][e];
                for (long c = columns.begin; c < columns.end; ++c) to[c] += weight * from[c];
            }
        }
    }

    long rank() const { return c_.rank; }

   private:
    const FactoredConfig c_;
    const long B_, D_, R_, ld_;
    Array<Floats> basis_, grad_, product_;
};

}  // namespace fr
