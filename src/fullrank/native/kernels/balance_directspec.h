// The balance of directspec: each unit row minus alpha times its product with the batch's covariance.
//
// With unit rows H, C = H^T H and gradient G of Z:
//   Y = H C,  Z = H - alpha Y,  X = H^T G,  dH = G - alpha (G C + H (X + X^T)).
#pragma once

#include "pair_side.h"

namespace fr {

class BalanceDirectSpec : private PairSizes {
   public:
    explicit BalanceDirectSpec(const PairConfig& config) : PairSizes(config), alpha_(config.alpha) {}

    // Rows [from, to) of C.
    void covariance(PairSide& t, long from, long to) const {
        gemm(t.ht.at(from * ld_), ld_, t.h.at(0), D_, t.cov.at(from * D_), D_, to - from, D_, B_,
             false);
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

    // Rows [from, to) of dH.
    void backward(PairSide& t, long from, long to) const {
        float* dh = t.dx.at(from * D_);
        gemm(t.g.at(from * D_), D_, t.cov.at(0), D_, dh, D_, to - from, D_, D_, false);
        gemm(t.h.at(from * D_), D_, t.sym.at(0), D_, dh, D_, to - from, D_, D_, true);
        const float* g = t.g.at(from * D_);
        for (long i = 0; i < (to - from) * D_; ++i) dh[i] = g[i] - alpha_ * dh[i];
    }

   private:
    const float alpha_;
};

}  // namespace fr
