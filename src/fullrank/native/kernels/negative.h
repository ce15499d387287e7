// Steps of pairs against sampled items: BPR and binary cross-entropy.
#pragma once

#include <memory>

#include "rows.h"

namespace fr {

enum Contrast : int64_t { BPR = 0, BCE = 1 };

struct NegativeConfig {
    int64_t batch, dim, negatives, threads, objective;
    int64_t n[2];
};

class NegativeSteps {
   public:
    explicit NegativeSteps(const NegativeConfig& config)
        : c_(config),
          B_(config.batch),
          d_(config.dim),
          N_(config.negatives),
          u_(B_ * d_),
          gu_(B_ * d_),
          factor_(B_ * (1 + N_)),
          losses_(B_),
          targets_(B_ * (1 + N_)),
          users_(config.n[0], d_),
          items_(config.n[1], d_) {}

    void run(long steps, const Table* tables, const Update& update, const int64_t* users,
             const int64_t* items, const int64_t* negatives, double* losses) {
        int members = static_cast<int>(c_.threads);
        team(members, [&](int me, Barrier& barrier) {
            for (long step = 0; step < steps; ++step) {
                const int64_t *u = users + step * B_, *i = items + step * B_;
                const int64_t* n = negatives + step * B_ * N_;
                if (me == 0) users_.start(u, B_);
                if (me == members - 1) list_targets(i, n);
                Range mine = share(B_, me, members);
                for (long b = mine.begin; b < mine.end; ++b) pair(b, tables, u, i, n);
                barrier.wait();
                if (me == 0) {
                    losses[step] = 0;
                    for (float loss : losses_) losses[step] += loss;
                    losses[step] /= B_;
                }
                move(columns_of(d_, me, members), tables, update);
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
    void list_targets(const int64_t* items, const int64_t* negatives) {
        for (long b = 0; b < B_; ++b) {
            targets_[b * (1 + N_)] = items[b];
            std::memcpy(&targets_[b * (1 + N_) + 1], negatives + b * N_, N_ * sizeof(int64_t));
        }
        items_.start(targets_.data(), B_ * (1 + N_));
    }

    // Loss, the factors of the pair's item gradients (each a factor times u), the user's gradient.
    void pair(long b, const Table* tables, const int64_t* users, const int64_t* items,
              const int64_t* negatives) {
        long ahead = b + 4 < B_ ? b + 4 : b;
        prefetch_row(tables[0], users[ahead], d_);
        prefetch_row(tables[1], items[ahead], d_);
        for (long k = 0; k < N_ && k < 16; ++k) prefetch_row(tables[1], negatives[ahead * N_ + k], d_);
        float *u = &u_[b * d_], *gu = &gu_[b * d_], *factor = &factor_[b * (1 + N_)];
        gather(tables[0], users[b], d_, u);
        const float* v = tables[1].rows + items[b] * d_;
        float score = dot(u, v, d_), loss = 0;
        factor[0] = 0;
        if (c_.objective == BCE) {
            loss = softplus(-score);
            factor[0] = -sigmoid(-score) / B_;
        }
        std::memset(gu, 0, d_ * sizeof(float));
        for (long k = 0; k < N_; ++k) {
            const float* w = tables[1].rows + negatives[b * N_ + k] * d_;
            float against = dot(u, w, d_) - (c_.objective == BPR ? score : 0);
            loss += softplus(against);
            float f = sigmoid(against) / B_;
            factor[1 + k] = f;
            if (c_.objective == BPR) factor[0] -= f;
            for (long c = 0; c < d_; ++c) gu[c] += f * w[c];
        }
        for (long c = 0; c < d_; ++c) gu[c] += factor[0] * v[c];
        losses_[b] = loss;
    }

    void move(Range columns, const Table* tables, const Update& update) {
        if (columns.begin == columns.end) return;
        users_.zero(columns);
        items_.zero(columns);
        for (long b = 0; b < B_; ++b) {
            users_.add(b, 1, &gu_[b * d_], columns);
            for (long k = b * (1 + N_); k < (b + 1) * (1 + N_); ++k)
                items_.add(k, factor_[k], &u_[b * d_], columns);
        }
        users_.apply(tables[0], update, columns);
        items_.apply(tables[1], update, columns);
    }

    const NegativeConfig c_;
    const long B_, d_, N_;
    std::vector<float> u_, gu_, factor_, losses_;
    std::vector<int64_t> targets_;
    Gradients users_, items_;
};

}  // namespace fr
