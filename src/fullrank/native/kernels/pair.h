// Steps on observed pairs alone: gather, balance, loss, gradient and update in one pass each.
//
// With unit rows H, S = H H^T, E = exp(Gamma * S), r = row sums of E, and gradient G of Z:
//   Y = E H / r,  Z = H - alpha Y,  G' = -alpha G / r,  q = rowdot(G', Y),  A = G' H^T,
//   M = Gamma * E * (A + A^T - q 1^T - 1 q^T),  dH = G + E G' + M H.
// E, Gamma and M are symmetric, and this uses it: half of E is a copy of the other half, A + A^T is one
// product, and there is no transposed product and no B x B row sum backward.
#pragma once

#include <algorithm>
#include <memory>
#include <numeric>

#include "factored.h"
#include "gemm.h"
#include "memory.h"
#include "near.h"
#include "rows.h"

namespace fr {

enum Balance : int64_t { NONE = 0, DIRECT_SPEC = 1, DIRECT_SPEC_PLUS = 2 };
enum Objective : int64_t { LOG = 0, EUCLIDEAN = 1 };

struct PairConfig {
    int64_t batch, dim, threads, balance, objective;
    float alpha, tau, tau_near, shrink;
    int64_t near;  // 0: one tau; 1: by the graph below
    int64_t n[2], n_neighbours[2];
    const int64_t* indptr[2];  // null: a row is near to itself alone
    const int32_t* indices[2];
    FactoredConfig factored;
};

class PairSteps {
   public:
    explicit PairSteps(const PairConfig& config)
        : c_(checked(config)),
          B_(config.batch),
          d_(config.dim),
          D_(padded(config.dim)),
          ld_(padded(config.batch) + W),
          blocks_((B_ + BLOCK - 1) / BLOCK),
          losses_(B_) {
        for (int s = 0; s < 2; ++s) sides_[s] = std::make_unique<Side>(*this, s);
        if (c_.factored.rank) factored_ = std::make_unique<Factored>(c_.factored, B_, D_);
    }

    void run(long steps, const Table* tables, const Update& update, const int64_t* users,
             const int64_t* items, double* losses) {
        check_rows("users", users, steps * B_, c_.n[0]);
        check_rows("items", items, steps * B_, c_.n[1]);
        const int64_t* idx[2] = {users, items};
        team(c_.threads, [&](int me, int members, Barrier& barrier) {
            for (long step = 0; step < steps; ++step) {
                const int64_t* now[2] = {idx[0] + step * B_, idx[1] + step * B_};
                whole(me, members, [&](int s) { sides_[s]->gradients.start(now[s], B_); });
                find_near(me, members, now);
                forward(me, members, tables, now, barrier);
                rows(me, members, [&](int s, long from, long to) { objective(s, from, to); });
                barrier.wait();
                if (me == 0) losses[step] = total_loss();
                if (step + 1 < steps) fetch(me, members, tables, now);
                backward(me, members, barrier);
                barrier.wait();
                if (factored_) smooth(me, members, update, barrier);
                move(me, members, tables, update, now);
                barrier.wait();
                if (me == 0)
                    for (int s = 0; s < 2; ++s) sides_[s]->gradients.count(tables[s], update);
                barrier.wait();
            }
        });
    }

    // The loss of rows that were made elsewhere, (B, d) of users and then of items, and its gradient
    // with respect to them.
    double gradients(float* given, const int64_t* users, const int64_t* items, float* grads) {
        check_rows("users", users, B_, c_.n[0]);
        check_rows("items", items, B_, c_.n[1]);
        const Table tables[2] = {{given, B_, nullptr, nullptr, nullptr},
                                 {given + B_ * d_, B_, nullptr, nullptr, nullptr}};
        const int64_t* drawn[2] = {users, items};
        Array<int64_t> order(B_);
        std::iota(order.begin(), order.end(), 0);
        const int64_t* in_order[2] = {order.data(), order.data()};
        team(c_.threads, [&](int me, int members, Barrier& barrier) {
            find_near(me, members, drawn);
            forward(me, members, tables, in_order, barrier);
            rows(me, members, [&](int s, long from, long to) { objective(s, from, to); });
            barrier.wait();
            backward(me, members, barrier);
            barrier.wait();
            rows(me, members, [&](int s, long from, long to) {
                for (long b = from; b < to; ++b)
                    std::memcpy(grads + (s * B_ + b) * d_, sides_[s]->dx.at(b * D_),
                                d_ * sizeof(float));
            });
        });
        return total_loss();
    }

   private:
    static constexpr long BLOCK = 8 * TILE_ROWS;

    static const PairConfig& checked(const PairConfig& config) {
        check_size("batch", config.batch);
        check_size("dim", config.dim);
        if (config.near && config.batch > LARGEST_NEAR)
            throw OutOfRange("batch", -1, config.batch, 1, LARGEST_NEAR + 1);
        return config;
    }

    struct Side {
        Side(const PairSteps& p, int s)
            : x(p.B_ * p.D_), h(p.B_ * p.D_), z(p.B_ * p.D_), raw(p.B_ * p.D_), y(p.B_ * p.D_),
              g(p.B_ * p.D_), gp(p.B_ * p.D_), dx(p.B_ * p.D_), ht(p.D_ * p.ld_),
              e(p.squared()), a(p.squared()), norm(p.B_), r(p.B_), q(p.ld_), cov(p.D_ * p.D_), cross(p.D_ * p.D_), sym(p.D_ * p.D_),
              gradients(std::min(p.B_, p.c_.n[s]), p.d_) {
            if (p.c_.near)
                near = near_of(p.B_, p.c_.indptr[s], p.c_.indices[s], p.c_.n_neighbours[s]);
        }
        Floats x, h, z, raw, y, g, gp, dx, ht, e, a, norm, r, q, cov, cross, sym;
        Gradients gradients;
        std::unique_ptr<Near> near;
    };

    // Numbers in a B x B matrix, its rows and columns filled up to whole vectors.
    long squared() const { return c_.balance == DIRECT_SPEC_PLUS ? padded(B_) * ld_ : 0; }

    // The rows of each side that fall to a member; with two members each has a side.
    template <class Work>
    void spans(int me, int members, const Work& work) {
        Range mine = share(2 * blocks_, me, members);
        for (int s = 0; s < 2; ++s) {
            long from = std::max(mine.begin - s * blocks_, 0L) * BLOCK;
            long to = std::min((mine.end - s * blocks_) * BLOCK, B_);
            if (from < to) work(s, from, to);
        }
    }

    // The same in blocks.
    template <class Work>
    void rows(int me, int members, const Work& work) {
        spans(me, members, [&](int s, long from, long to) {
            for (long b = from; b < to; b += BLOCK) work(s, b, std::min(b + BLOCK, to));
        });
    }

    // Whole sides, one to a member.
    template <class Work>
    void whole(int me, int members, const Work& work) {
        if (me == 0) work(0);
        if (me == members - 1) work(1);
    }

    // Rows of the d x d matrices of both sides.
    template <class Work>
    void square(int me, int members, const Work& work) {
        Range mine = share(2 * D_, me, members);
        for (int s = 0; s < 2; ++s) {
            long from = mine.begin - s * D_, to = mine.end - s * D_;
            from = from < 0 ? 0 : from;
            to = to > D_ ? D_ : to;
            if (from < to) work(*sides_[s], from, to);
        }
    }

    void find_near(int me, int members, const int64_t* const* drawn) {
        whole(me, members, [&](int s) {
            if (sides_[s]->near) sides_[s]->near->fill(drawn[s]);
        });
    }

    void forward(int me, int members, const Table* tables, const int64_t* const* idx,
                 Barrier& barrier) {
        rows(me, members, [&](int s, long from, long to) { take(s, tables[s], idx[s], from, to); });
        barrier.wait();
        if (c_.balance == DIRECT_SPEC) {
            square(me, members, [&](Side& t, long from, long to) {
                gemm(t.ht.at(from * ld_), ld_, t.h.at(0), D_, t.cov.at(from * D_), D_, to - from, D_,
                     B_, false);
            });
            barrier.wait();
        }
        if (c_.balance != NONE)
            spans(me, members, [&](int s, long from, long to) { filter(*sides_[s], from, to); });
        barrier.wait();
    }

    // Asks for what the next step reads: on large tables each row is a walk through memory.
    void fetch(int me, int members, const Table* tables, const int64_t* const* now) {
        whole(me, members, [&](int s) {
            for (const int64_t* row = now[s] + B_; row < now[s] + 2 * B_; ++row)
                prefetch_row<2>(tables[s], *row, d_);
        });
    }

    void take(int s, const Table& table, const int64_t* idx, long from, long to) {
        Side& t = *sides_[s];
        float* into = c_.balance == NONE ? t.z.at(0) : t.x.at(0);
        for (long b = from; b < to; ++b) {
            if (b + 8 < to) prefetch_row(table, idx[b + 8], d_);
            gather(table, idx[b], d_, into + b * D_);
        }
        if (factored_) factored_->expand(s, idx, from, to, into);
        if (c_.balance == NONE) return;
        for (long b = from; b < to; ++b) {
            const float* x = into + b * D_;
            float norm = std::sqrt(dot(x, x, D_));
            *t.norm.at(b) = norm = norm > NO_ROW ? norm : 1;
            float* h = t.h.at(b * D_);
            for (long c = 0; c < D_; ++c) h[c] = x[c] / norm;
            for (long c = 0; c < d_; ++c) *t.ht.at(c * ld_ + b) = h[c];
        }
    }

    // Y, then Z = H - alpha Y and its rescaling.
    void filter(Side& t, long from, long to) {
        if (c_.balance == DIRECT_SPEC)
            gemm(t.h.at(from * D_), D_, t.cov.at(0), D_, t.y.at(from * D_), D_, to - from, D_, D_,
                 false);
        else
            softmax_rows(t, from, to);
        for (long b = from; b < to; ++b) {
            float *h = t.h.at(b * D_), *y = t.y.at(b * D_), *z = t.z.at(b * D_);
            float* raw = c_.shrink != 0 ? t.raw.at(b * D_) : z;
            for (long c = 0; c < D_; ++c) raw[c] = h[c] - c_.alpha * y[c];
            if (c_.shrink == 0) continue;
            float scale = c_.shrink * std::sqrt(dot(raw, raw, D_));
            for (long c = 0; c < D_; ++c) z[c] = scale * raw[c];
        }
    }

    // Y = E H / r, the softmax-weighted mean of the unit rows, for rows [from, to). Block by block from
    // the top: the part of a block left of the span's own columns is computed, the part that is the
    // transpose of a block above is copied.
    void softmax_rows(Side& t, long from, long to) {
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

    // E = exp(Gamma * H H^T) at rows [from, to) and columns [left, right); 0 beyond the batch.
    void exp_weights(Side& t, long from, long to, long left, long right) {
        gemm(t.h.at(from * D_), D_, t.ht.at(left), ld_, t.e.at(from * ld_ + left), ld_, to - from,
             right - left, d_, false);
        for (long b = from; b < to; ++b) {
            float* e = t.e.at(b * ld_);
            for (long v = left; v < right; v += W) {
                Vec weight = exp(gamma(t, b, v) * load(e + v));
                if (v + W > B_)
                    for (long i = B_ - v; i < W; ++i) weight[i] = 0;
                store(e + v, weight);
            }
        }
    }

    // Copies the transpose of E[from:to, to:end] to E[to:end, from:to].
    void copy_transpose(Side& t, long from, long to, long end) {
        Vec block[W];
        for (long v = to; v < end; v += W)
            for (long b = from; b < to; b += W) {
                transpose(t.e.at(b * ld_ + v), ld_, block);
                for (long i = 0; i < W; ++i) store(t.e.at((v + i) * ld_ + b), block[i]);
            }
    }

    Vec gamma(const Side& t, long b, long v) const {
        if (!t.near) return all(c_.tau);
        return select(t.near->row(b), v, all(c_.tau_near), all(c_.tau));
    }

    // The loss of each pair, and the gradient G with respect to Z before its rescaling.
    void objective(int s, long from, long to) {
        Side &t = *sides_[s], &o = *sides_[1 - s];
        for (long b = from; b < to; ++b) {
            float *mine = t.z.at(b * D_), *other = o.z.at(b * D_);
            float* g = c_.balance == NONE ? t.dx.at(b * D_) : t.g.at(b * D_);
            if (c_.objective == LOG) {
                float score = dot(mine, other, D_);
                if (s == 0) losses_[b] = softplus(-score);
                float factor = -sigmoid(-score) / B_;
                for (long c = 0; c < D_; ++c) g[c] = factor * other[c];
            } else {
                for (long c = 0; c < D_; ++c) g[c] = mine[c] - other[c];
                if (s == 0) losses_[b] = dot(g, g, D_);
                for (long c = 0; c < D_; ++c) g[c] *= 2.0f / B_;
            }
            if (c_.balance == NONE) continue;
            if (c_.shrink != 0) unshrink(g, t.raw.at(b * D_));
            if (c_.balance == DIRECT_SPEC_PLUS) scale_gradient(t, b, g);
        }
    }

    void unshrink(float* g, const float* z) const {
        float norm = std::sqrt(dot(z, z, D_));
        float along = norm > 0 ? dot(z, g, D_) / norm : 0;
        for (long c = 0; c < D_; ++c) g[c] = c_.shrink * (norm * g[c] + along * z[c]);
    }

    // G' = -alpha G / r and q = rowdot(G', Y), for row b.
    void scale_gradient(Side& t, long b, const float* g) {
        float factor = -c_.alpha / *t.r.at(b);
        float* gp = t.gp.at(b * D_);
        for (long c = 0; c < D_; ++c) gp[c] = factor * g[c];
        *t.q.at(b) = dot(gp, t.y.at(b * D_), D_);
    }

    double total_loss() const {
        double total = 0;
        for (float loss : losses_) total += loss;
        return total / B_;
    }

    // dX of both sides.
    void backward(int me, int members, Barrier& barrier) {
        if (c_.balance == NONE) return;
        if (c_.balance == DIRECT_SPEC) {
            square(me, members, [&](Side& t, long from, long to) {
                gemm(t.ht.at(from * ld_), ld_, t.g.at(0), D_, t.cross.at(from * D_), D_, to - from,
                     D_, B_, false);
            });
            barrier.wait();
            square(me, members, [&](Side& t, long from, long to) {
                for (long i = from; i < to; ++i)
                    for (long j = 0; j < D_; ++j)
                        *t.sym.at(i * D_ + j) = *t.cross.at(i * D_ + j) + *t.cross.at(j * D_ + i);
            });
            barrier.wait();
        } else {
            rows(me, members, [&](int s, long from, long to) { cross(*sides_[s], from, to); });
            barrier.wait();
        }
        rows(me, members, [&](int s, long from, long to) {
            Side& t = *sides_[s];
            if (c_.balance == DIRECT_SPEC)
                unfilter(t, from, to);
            else
                softmax_backward(t, from, to);
            for (long b = from; b < to; ++b) unnormalise(t, b);
        });
    }

    void unfilter(Side& t, long from, long to) {
        float* dh = t.dx.at(from * D_);
        gemm(t.g.at(from * D_), D_, t.cov.at(0), D_, dh, D_, to - from, D_, D_, false);
        gemm(t.h.at(from * D_), D_, t.sym.at(0), D_, dh, D_, to - from, D_, D_, true);
        const float* g = t.g.at(from * D_);
        for (long i = 0; i < (to - from) * D_; ++i) dh[i] = g[i] - c_.alpha * dh[i];
    }

    // A, and E G'.
    void cross(Side& t, long from, long to) {
        const float* gp = t.gp.at(from * D_);
        gemm(gp, D_, t.ht.at(0), ld_, t.a.at(from * ld_), ld_, to - from, ld_ - W, d_, false);
        gemm(t.e.at(from * ld_), ld_, t.gp.at(0), D_, t.dx.at(from * D_), D_, to - from, D_, B_, false);
    }

    // Backward of softmax_rows: dH = G + E G' + M H. M overwrites E.
    void softmax_backward(Side& t, long from, long to) {
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

    void unnormalise(Side& t, long b) {
        float *dx = t.dx.at(b * D_), *h = t.h.at(b * D_);
        float along = dot(h, dx, D_), norm = *t.norm.at(b);
        for (long c = 0; c < D_; ++c) dx[c] = (dx[c] - along * h[c]) / norm;
    }

    void smooth(int me, int members, const Update& update, Barrier& barrier) {
        whole(me, members, [&](int s) { factored_->transpose_gradients(s, sides_[s]->dx.at(0)); });
        barrier.wait();
        Range mine = share(2 * D_, me, members);
        for (int s = 0; s < 2; ++s) {
            long from = std::max(mine.begin - s * D_, 0L), to = std::min(mine.end - s * D_, D_);
            if (from < to) factored_->project(s, from, to);
        }
        barrier.wait();
        Range rows = share(factored_->rank(), me, members);
        factored_->filter(rows.begin, rows.end, update.lr);
    }

    void move(int me, int members, const Table* tables, const Update& update,
              const int64_t* const* now) {
        Range columns = columns_of(d_, me, members);
        if (columns.begin == columns.end) return;
        const Update own = factored_ ? factored_->first(update) : update;
        for (int s = 0; s < 2; ++s) {
            Gradients& sums = sides_[s]->gradients;
            sums.zero(columns);
            for (long b = 0; b < B_; ++b) sums.add(b, 1, sides_[s]->dx.at(b * D_), columns);
            sums.apply(tables[s], own, columns);
        }
        if (!factored_) return;
        for (int s = 0; s < 2; ++s)
            factored_->scatter_add(s, now[s], sides_[s]->dx.at(0), tables[1 - s], update.lr, columns);
    }

    const PairConfig c_;
    const long B_, d_, D_, ld_, blocks_;
    Array<float> losses_;
    std::unique_ptr<Side> sides_[2];
    std::unique_ptr<Factored> factored_;
};

}  // namespace fr
