// The balance of directspec+: each unit row minus alpha times the softmax-weighted mean of its batch.
//
// With unit rows H, S = H H^T, E = exp(Gamma * S), r = row sums of E, and gradient G of Z:
//   Y = E H / r,  Z = H - alpha Y,  G' = -alpha G / r,  q = rowdot(G', Y),  A = G' H^T,
//   M = Gamma * E * (A + A^T - q 1^T - 1 q^T),  dH = G + E G' + M H.
// E, Gamma and M are symmetric, and this uses it: half of E is a copy of the other half, A + A^T is one
// product, and there is no transposed product and no B x B row sum backward.
//
// Where a row that the batch repeats counts once, occurrence b has the weight w_b = 1 / occurrences and
// the softmax is over w_j E_bj. E_bj times w_b w_j is symmetric and gives the same Y, for the w_b falls
// out with r; so with E = exp(Gamma * S) w w^T every formula above stays as it is.
#pragma once

#include "pair_side.h"

namespace fr {

class BalancePlus : private PairSizes {
   public:
    explicit BalancePlus(const PairConfig& config)
        : PairSizes(config),
          alpha_(config.alpha),
          tau_(config.tau),
          tau_near_(config.tau_near),
          distinct_(config.distinct) {}

    // Y = E H / r, the softmax-weighted mean of the unit rows, for rows [from, to), block by block from
    // the top. Of a block's rows of E, the columns before `from` and from the block on are computed;
    // those between are the transpose of blocks above, which have copied them here.
    void softmax_rows(PairSide& t, long from, long to) const {
        for (long b = from; b < to; b += BLOCK) {
            long end = std::min(b + BLOCK, to);
            if (from > 0) exp_weights(t, b, end, 0, from);
            exp_weights(t, b, end, b, ld_ - W);
            copy_transpose(t, b, end, to);
            for (long i = b; i < end; ++i) {
                Vec total{};
                for (long v = 0; v < ld_ - W; v += W) total += load(t.e.at(i * ld_ + v));
                *t.r.at(i) = sum(total);
            }
            gemm(t.e.at(b * ld_), ld_, t.h.at(0), D_, t.y.at(b * D_), D_, end - b, D_, B_, false);
            for (long i = b; i < end; ++i)
                for (long c = 0; c < D_; ++c) *t.y.at(i * D_ + c) /= *t.r.at(i);
        }
    }

    // G' = -alpha G / r and q = rowdot(G', Y), for row b.
    void scale_gradient(PairSide& t, long b, const float* g) const {
        float factor = -alpha_ / *t.r.at(b);
        float* gp = t.gp.at(b * D_);
        for (long c = 0; c < D_; ++c) gp[c] = factor * g[c];
        *t.q.at(b) = dot(gp, t.y.at(b * D_), D_);
    }

    // A, and E G'.
    void cross(PairSide& t, long from, long to) const {
        const float* gp = t.gp.at(from * D_);
        gemm(gp, D_, t.ht.at(0), ld_, t.a.at(from * ld_), ld_, to - from, ld_ - W, d_, false);
        gemm(t.e.at(from * ld_), ld_, t.gp.at(0), D_, t.dx.at(from * D_), D_, to - from, D_, B_, false);
    }

    // Backward of softmax_rows: dH = G + E G' + M H. M overwrites E.
    void softmax_backward(PairSide& t, long from, long to) const {
        Vec across[W];
        for (long top = from; top < to; top += W)
            for (long v = 0; v < ld_ - W; v += W) {
                transpose(t.a.at(v * ld_ + top), ld_, across);
                for (long b = top; b < top + W && b < to; ++b) {
                    Vec both = load(t.a.at(b * ld_ + v)) + across[b - top];
                    float* e = t.e.at(b * ld_ + v);
                    store(e, gamma(t, b, v) * load(e) * (both - (*t.q.at(b) + load(t.q.at(v)))));
                }
            }
        float* dh = t.dx.at(from * D_);
        gemm(t.e.at(from * ld_), ld_, t.h.at(0), D_, dh, D_, to - from, D_, B_, true);
        const float* g = t.g.at(from * D_);
        for (long i = 0; i < (to - from) * D_; ++i) dh[i] += g[i];
    }

   private:
    // E = exp(Gamma * H H^T), weighted where rows count once, at rows [from, to) and columns [left, right); 0 beyond the batch.
    void exp_weights(PairSide& t, long from, long to, long left, long right) const {
        gemm(t.h.at(from * D_), D_, t.ht.at(left), ld_, t.e.at(from * ld_ + left), ld_, to - from,
             right - left, d_, false);
        for (long b = from; b < to; ++b) {
            float* e = t.e.at(b * ld_);
            for (long v = left; v < right; v += W) {
                Vec weight = exp(gamma(t, b, v) * load(e + v));
                if (v + W > B_)
                    for (long i = B_ - v; i < W; ++i) weight[i] = 0;
                if (distinct_) weight *= all(*t.weight.at(b)) * load(t.weight.at(v));
                store(e + v, weight);
            }
        }
    }

    // Copies the transpose of E[from:to, to:end] to E[to:end, from:to].
    void copy_transpose(PairSide& t, long from, long to, long end) const {
        Vec block[W];
        for (long v = to; v < end; v += W)
            for (long b = from; b < to; b += W) {
                transpose(t.e.at(b * ld_ + v), ld_, block);
                for (long i = 0; i < W; ++i) store(t.e.at((v + i) * ld_ + b), block[i]);
            }
    }

    Vec gamma(const PairSide& t, long b, long v) const {
        if (!t.near) return all(tau_);
        return select(t.near->row(b), v, all(tau_near_), all(tau_));
    }

    const float alpha_, tau_, tau_near_;
    const bool distinct_;
};

}  // namespace fr
