// The balance of directspec: each unit row minus alpha times its product with the batch's covariance.
//
// With unit rows H, C = H^T H and gradient G of Z:
//   Y = H C,  Z = H - alpha Y,  X = H^T G,  dH = G - alpha (G C + H (X + X^T)).
// Where a row that the batch repeats counts once, occurrence b has the weight w_b = 1 / occurrences, W
// is their diagonal matrix, C = H^T W H, and the H before (X + X^T) is W H.
#pragma once

#include "pair_side.h"

namespace fr {

class BalanceDirectSpec : private PairSizes {
   public:
    explicit BalanceDirectSpec(const PairConfig& config)
        : PairSizes(config), alpha_(config.alpha), distinct_(config.distinct) {}

    // Rows [from, to) of C.
    void covariance(PairSide& t, long from, long to) const {
        const float* left = t.ht.at(from * ld_);
        if (distinct_) {
            for (long i = from; i < to; ++i)
                for (long b = 0; b < B_; ++b)
                    *t.wht.at(i * ld_ + b) = *t.ht.at(i * ld_ + b) * *t.weight.at(b);
            left = t.wht.at(from * ld_);
        }
        gemm(left, ld_, t.h.at(0), D_, t.cov.at(from * D_), D_, to - from, D_, B_, false);
    }

    // Rows [from, to) of Y.
    void forward(PairSide& t, long from, long to) const {
        gemm(t.h.at(from * D_), D_, t.cov.at(0), D_, t.y.at(from * D_), D_, to - from, D_, D_, false);
    }

    // Rows [from, to) of X.
    void cross(PairSide& t, long from, long to) const {
        gemm(t.ht.at(from * ld_), ld_, t.g.at(0), D_, t.cross.at(from * D_), D_, to - from, D_, B_,
             false);
    }

    // Rows [from, to) of X + X^T.
    void add_transpose(PairSide& t, long from, long to) const {
        for (long i = from; i < to; ++i)
            for (long j = 0; j < D_; ++j)
                *t.sym.at(i * D_ + j) = *t.cross.at(i * D_ + j) + *t.cross.at(j * D_ + i);
    }

    // Rows [from, to) of dH. Y has been used, and makes room for W H.
    void backward(PairSide& t, long from, long to) const {
        float *dh = t.dx.at(from * D_), *h = t.h.at(from * D_);
        if (distinct_) {
            for (long b = from; b < to; ++b)
                for (long c = 0; c < D_; ++c)
                    *t.y.at(b * D_ + c) = *t.weight.at(b) * *t.h.at(b * D_ + c);
            h = t.y.at(from * D_);
        }
        gemm(t.g.at(from * D_), D_, t.cov.at(0), D_, dh, D_, to - from, D_, D_, false);
        gemm(h, D_, t.sym.at(0), D_, dh, D_, to - from, D_, D_, true);
        const float* g = t.g.at(from * D_);
        for (long i = 0; i < (to - from) * D_; ++i) dh[i] = g[i] - alpha_ * dh[i];
    }

   private:
    const float alpha_;
    const bool distinct_;
};

}  // namespace fr
