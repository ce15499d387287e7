// Steps on observed pairs alone: gather, balance, loss, gradient and update in one pass each.
#pragma once

#include <algorithm>
#include <memory>
#include <numeric>

#include "balance_directspec.h"
#include "balance_plus.h"
#include "pair_side.h"

namespace fr {

class PairSteps : private PairSizes {
   public:
    explicit PairSteps(const PairConfig& config)
        : PairSizes(checked(config)), c_(config), direct_(config), plus_(config), losses_(B_) {
        for (int s = 0; s < 2; ++s) sides_[s] = std::make_unique<PairSide>(config, s);
        if (c_.factored.rank) factored_ = std::make_unique<Factored>(c_.factored, B_, D_);
    }

    void run(long steps, const Table* tables, const Update& update, const int64_t* users,
             const int64_t* items, double* losses) {
        check_rows("users", users, steps * B_, c_.n[0]);
        check_rows("items", items, steps * B_, c_.n[1]);
        const int64_t* idx[2] = {users, items};
        if (update.rule == DENSE_ADAM) missed_.prepare(update.beta1, update.beta2);
        team(c_.threads, [&](int me, int members, Barrier& barrier) {
            for (long step = 0; step < steps; ++step) {
                const int64_t* now[2] = {idx[0] + step * B_, idx[1] + step * B_};
                whole(me, members, [&](int s) { sides_[s]->start(now[s], c_.distinct); });
                find_near(me, members, now);
                if (update.rule == DENSE_ADAM)
                    catch_up(me, members, tables, {&sides_[0]->gradients, &sides_[1]->gradients},
                             update, missed_, barrier);
                forward(me, members, tables, now, barrier);
                rows(me, members, [&](int s, long from, long to) { objective(s, from, to); });
                barrier.wait();
                if (me == 0) losses[step] = total_loss();
                if (step + 1 < steps) prefetch(me, members, tables, now);
                backward(me, members, barrier);
                barrier.wait();
                if (factored_) update_low_rank(me, members, update, barrier);
                update_tables(me, members, tables, update, now);
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
        const Table tables[2] = {{given, B_, {}, {}, {}, {}, {}}, {given + B_ * d_, B_, {}, {}, {}, {}, {}}};
        const int64_t* drawn[2] = {users, items};
        Array<int64_t> order(B_);
        std::iota(order.begin(), order.end(), 0);
        const int64_t* in_order[2] = {order.data(), order.data()};
        team(c_.threads, [&](int me, int members, Barrier& barrier) {
            if (c_.distinct) whole(me, members, [&](int s) { sides_[s]->start(drawn[s], true); });
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
    static const PairConfig& checked(const PairConfig& config) {
        check_size("batch", config.batch);
        check_size("dim", config.dim);
        if (config.near && config.batch > LARGEST_NEAR)
            throw OutOfRange("batch", -1, config.batch, 1, LARGEST_NEAR + 1);
        return config;
    }

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
        rows(me, members, [&](int s, long from, long to) {
            gather_rows(s, tables[s], idx[s], from, to);
        });
        barrier.wait();
        if (c_.balance == DIRECT_SPEC) {
            square(me, members, [&](PairSide& t, long from, long to) {
                direct_.covariance(t, from, to);
            });
            barrier.wait();
        }
        if (c_.balance != NONE)
            spans(me, members, [&](int s, long from, long to) { balance(*sides_[s], from, to); });
        barrier.wait();
    }

    // Prefetches the rows of the next step: on a large table each is a miss in every cache.
    void prefetch(int me, int members, const Table* tables, const int64_t* const* now) {
        whole(me, members, [&](int s) {
            for (const int64_t* row = now[s] + B_; row < now[s] + 2 * B_; ++row)
                prefetch_row<2>(tables[s], *row, d_);
        });
    }

    // Gathers the rows of a side, and normalises them for a balance.
    void gather_rows(int s, const Table& table, const int64_t* idx, long from, long to) {
        PairSide& t = *sides_[s];
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
    void balance(PairSide& t, long from, long to) {
        if (c_.balance == DIRECT_SPEC)
            direct_.forward(t, from, to);
        else
            plus_.softmax_rows(t, from, to);
        for (long b = from; b < to; ++b) {
            float *h = t.h.at(b * D_), *y = t.y.at(b * D_), *z = t.z.at(b * D_);
            float* raw = c_.shrink != 0 ? t.raw.at(b * D_) : z;
            for (long c = 0; c < D_; ++c) raw[c] = h[c] - c_.alpha * y[c];
            if (c_.shrink == 0) continue;
            float scale = c_.shrink * std::sqrt(dot(raw, raw, D_));
            for (long c = 0; c < D_; ++c) z[c] = scale * raw[c];
        }
    }

    // The loss of each pair, and the gradient G with respect to Z before its rescaling.
    void objective(int s, long from, long to) {
        PairSide &t = *sides_[s], &o = *sides_[1 - s];
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
            if (c_.balance == DIRECT_SPEC_PLUS) plus_.scale_gradient(t, b, g);
        }
    }

    // Backward of the rescaling: from the gradient of shrink * ||z|| * z to that of z.
    void unshrink(float* g, const float* z) const {
        float norm = std::sqrt(dot(z, z, D_));
        float along = norm > 0 ? dot(z, g, D_) / norm : 0;
        for (long c = 0; c < D_; ++c) g[c] = c_.shrink * (norm * g[c] + along * z[c]);
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
            square(me, members,
                   [&](PairSide& t, long from, long to) { direct_.cross(t, from, to); });
            barrier.wait();
            square(me, members,
                   [&](PairSide& t, long from, long to) { direct_.add_transpose(t, from, to); });
            barrier.wait();
        } else {
            rows(me, members, [&](int s, long from, long to) { plus_.cross(*sides_[s], from, to); });
            barrier.wait();
        }
        rows(me, members, [&](int s, long from, long to) {
            PairSide& t = *sides_[s];
            if (c_.balance == DIRECT_SPEC)
                direct_.backward(t, from, to);
            else
                plus_.softmax_backward(t, from, to);
            for (long b = from; b < to; ++b) unnormalise(t, b);
        });
    }

    // dX of row b, from its dH.
    void unnormalise(PairSide& t, long b) {
        float *dx = t.dx.at(b * D_), *h = t.h.at(b * D_);
        float along = dot(h, dx, D_), norm = *t.norm.at(b);
        for (long c = 0; c < D_; ++c) dx[c] = (dx[c] - along * h[c]) / norm;
    }

    // Updates the low-rank parts of rows that are smoothed over a graph.
    void update_low_rank(int me, int members, const Update& update, Barrier& barrier) {
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

    // Sums gradients by row and updates the tables, in the columns of the member.
    void update_tables(int me, int members, const Table* tables, const Update& update,
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
    const BalanceDirectSpec direct_;
    const BalancePlus plus_;
    MissedSteps missed_;
    Array<float> losses_;
    std::unique_ptr<PairSide> sides_[2];
    std::unique_ptr<Factored> factored_;
};

}  // namespace fr
