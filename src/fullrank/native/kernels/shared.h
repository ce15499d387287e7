// Steps of the cosine contrastive loss whose pairs share their sampled items: every cosine of a step
// is then in one product of matrices.
#pragma once

#include "dropout.h"
#include "gemm.h"
#include "negative.h"

namespace fr {

class SharedSteps {
   public:
    explicit SharedSteps(const NegativeConfig& config)
        : c_(config),
          B_(config.batch),
          d_(config.dim),
          N_(config.negatives),
          width_(padded(N_)),
          dropout_(config.dropout),
          u_(B_ * d_),
          gu_(B_ * d_),
          x_(N_ * d_),
          turned_(d_ * width_),
          cosines_(config.threads * BLOCK * width_),
          along_(config.threads * N_),
          own_norms_(B_),
          norms_(N_),
          own_(B_),
          losses_(B_),
          counts_(B_),
          active_(B_ * N_),
          targets_(B_ + N_),
          users_(std::min(B_, config.n[0]), d_),
          items_(std::min(B_ + N_, config.n[1]), d_) {}

    void run(long steps, const Table* tables, const Update& update, const int64_t* users,
             const int64_t* items, const int64_t* negatives, const uint64_t* keys, double* losses) {
        int members = static_cast<int>(c_.threads);
        team(members, [&](int me, Barrier& barrier) {
            for (long step = 0; step < steps; ++step) {
                const int64_t *u = users + step * B_, *i = items + step * B_;
                const int64_t* n = negatives + step * N_;
                if (me == 0) users_.start(u, B_);
                if (me == members - 1) list_targets(i, n);
                normalise(share(N_, me, members), tables[1], n);
                barrier.wait();
                Range mine = share(B_, me, members);
                for (long b = mine.begin; b < mine.end; b += BLOCK)
                    block({b, std::min(b + BLOCK, mine.end)}, me, tables, u, i,
                          keys ? keys + step * B_ : nullptr);
                barrier.wait();
                if (me == 0) {
                    losses[step] = 0;
                    for (float loss : losses_) losses[step] += loss;
                    losses[step] /= B_;
                }
                move(columns_of(d_, me, members), me, tables, update, i);
                barrier.wait();
                if (me == 0) {
                    users_.count(tables[0], update);
                    items_.count(tables[1], update);
                }
                if (update.rule == ADAM) barrier.wait();
            }
        });
    }

   private:
    static constexpr long BLOCK = 48;  // pairs whose cosines stay in the cache
    struct Active {
        int32_t k;
        float cosine;
    };

    void list_targets(const int64_t* items, const int64_t* negatives) {
        std::memcpy(targets_.data(), items, B_ * sizeof(int64_t));
        std::memcpy(&targets_[B_], negatives, N_ * sizeof(int64_t));
        const float part = static_cast<float>(B_) / N_;
        items_.start(targets_.data(), B_ + N_, [&](long b) { return b < B_ ? 1.0f : part; });
    }

    // Unit rows of the sampled items, as rows and as columns.
    void normalise(Range mine, const Table& items, const int64_t* negatives) {
        for (long k = mine.begin; k < mine.end; ++k) {
            const float* row = items.rows + negatives[k] * d_;
            norms_[k] = inverse_norm(row, d_);
            for (long c = 0; c < d_; ++c)
                turned_[c * width_ + k] = x_[k * d_ + c] = row[c] * norms_[k];
        }
    }

    void block(Range pairs, int me, const Table* tables, const int64_t* users, const int64_t* items,
               const uint64_t* keys) {
        for (long b = pairs.begin; b < pairs.end; ++b) {
            const float* row = tables[0].rows + users[b] * d_;
            const float norm = inverse_norm(row, d_);
            for (long c = 0; c < d_; ++c) u_[b * d_ + c] = row[c] * norm;
            if (keys) dropout_.hide(keys[b], &u_[b * d_], d_);
        }
        float* cosines = &cosines_[me * BLOCK * width_];
        gemm(&u_[pairs.begin * d_], d_, turned_.data(), width_, cosines, width_,
             pairs.end - pairs.begin, width_, d_, false);
        for (long b = pairs.begin; b < pairs.end; ++b) {
            const float* whole = tables[0].rows + users[b] * d_;
            pair(b, whole, tables[1].rows + items[b] * d_, cosines + (b - pairs.begin) * width_,
                 keys ? keys + b : nullptr);
        }
    }

    // Loss, the active items, and the user's gradient.
    void pair(long b, const float* whole, const float* item, const float* cosines,
              const uint64_t* key) {
        float *u = &u_[b * d_], *gu = &gu_[b * d_];
        const float cosine = dot(u, item, d_) * (own_norms_[b] = inverse_norm(item, d_));
        own_[b] = cosine;
        losses_[b] = std::max(1 - cosine, 0.0f);
        const float pull = cosine < 1 ? -1.0f / B_ : 0.0f, push = c_.weight / N_ / B_;
        list_active(b, cosines);
        std::memset(gu, 0, d_ * sizeof(float));
        float above = 0, total = 0;
        for (long a = 0; a < counts_[b]; ++a) {
            const Active& active = active_[b * N_ + a];
            const float* x = &x_[active.k * d_];
            for (long c = 0; c < d_; ++c) gu[c] += x[c];
            above += active.cosine - c_.margin;
            total += active.cosine;
        }
        losses_[b] += c_.weight / N_ * above;
        const float along = pull * cosine + push * total, norm = inverse_norm(whole, d_);
        for (long c = 0; c < d_; ++c) gu[c] = push * gu[c] + pull * own_norms_[b] * item[c];
        if (key) dropout_.hide(*key, gu, d_);
        for (long c = 0; c < d_; ++c) gu[c] = norm * (gu[c] - along * norm * whole[c]);
    }

    void list_active(long b, const float* cosines) {
        Active* active = &active_[b * N_];
        long count = 0;
        for (long v = 0; v < N_; v += W) {
            if (!any_above(load(cosines + v), c_.margin)) continue;
            for (long k = v; k < std::min(v + W, N_); ++k)
                if (cosines[k] > c_.margin) active[count++] = {static_cast<int32_t>(k), cosines[k]};
        }
        counts_[b] = count;
    }

    void move(Range columns, int me, const Table* tables, const Update& update,
              const int64_t* items) {
        if (columns.begin == columns.end) return;
        users_.zero(columns);
        items_.zero(columns);
        float* along = &along_[me * N_];
        std::fill(along, along + N_, 0.0f);
        const float push = c_.weight / N_ / B_;
        for (long b = 0; b < B_; ++b) {
            const float* u = &u_[b * d_];
            users_.add(b, 1, &gu_[b * d_], columns);
            if (own_[b] < 1) {
                const float pull = -own_norms_[b] / B_;
                items_.add(b, pull, u, columns);
                items_.add(b, -pull * own_norms_[b] * own_[b], tables[1].rows + items[b] * d_, columns);
            }
            for (long a = 0; a < counts_[b]; ++a) {
                const Active& active = active_[b * N_ + a];
                items_.add(B_ + active.k, push * norms_[active.k], u, columns);
                along[active.k] += active.cosine;
            }
        }
        for (long k = 0; k < N_; ++k)
            if (along[k] != 0)
                items_.add(B_ + k, -push * along[k] * norms_[k], &x_[k * d_], columns);
        users_.apply(tables[0], update, columns);
        items_.apply(tables[1], update, columns);
    }

    const NegativeConfig c_;
    const long B_, d_, N_, width_;
    const Dropout dropout_;
    std::vector<float> u_, gu_, x_, turned_, cosines_, along_, own_norms_, norms_, own_, losses_;
    std::vector<long> counts_;
    std::vector<Active> active_;
    std::vector<int64_t> targets_;
    Gradients users_, items_;
};

}  // namespace fr
