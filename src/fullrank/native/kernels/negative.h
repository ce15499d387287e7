// Steps of pairs against sampled items: BPR, binary cross-entropy and the cosine contrastive loss.
#pragma once

#include "contrast.h"

namespace fr {

class NegativeSteps : public ContrastSteps<NegativeSteps> {
   public:
    explicit NegativeSteps(const NegativeConfig& config)
        : ContrastSteps(config, checked(config).batch * config.negatives,
                        config.batch * (1 + checked(config).negatives)),
          factor_(B_ * (1 + N_)),
          own_(config.objective == CCL ? B_ * (1 + N_) : 0),
          norms_(config.objective == CCL && B_ * (1 + N_) >= config.n[1] ? config.n[1] : 0) {}

    void list(const Drawn& drawn) {
        for (long b = 0; b < B_; ++b) {
            targets_[b * (1 + N_)] = drawn.items[b];
            std::memcpy(&targets_[b * (1 + N_) + 1], drawn.negatives + b * N_, N_ * sizeof(int64_t));
        }
        items_.start(targets_.data(), B_ * (1 + N_),
                     [&](long b) { return b % (1 + N_) ? 1.0f / N_ : 1.0f; });
    }

    // Where a step sees more items than there are, the norm of each is taken once.
    long prepared() const { return norms_.size(); }

    void prepare(Range mine, const Table& items, const Drawn&) {
        for (long row = mine.begin; row < mine.end; ++row)
            norms_[row] = inverse_norm(items.rows + row * d_, d_);
    }

    void pairs(Range mine, int, const Table* tables, const Drawn& drawn) {
        for (long b = mine.begin; b < mine.end; ++b)
            if (c_.objective == CCL)
                cosines(b, tables, drawn);
            else
                pair(b, tables, drawn.users, drawn.items, drawn.negatives);
    }

    void add(Range columns, int, const Table& items, const Drawn&) {
        for (long b = 0; b < B_; ++b)
            for (long at = b * (1 + N_); at < (b + 1) * (1 + N_); ++at) {
                if (c_.objective == CCL && factor_[at] == 0) continue;
                items_.add(at, factor_[at], &u_[b * d_], columns);
                if (c_.objective == CCL)
                    items_.add(at, own_[at], items.rows + targets_[at] * d_, columns);
            }
    }

   private:
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

    // As `pair`; a cosine's gradient has a part along the item's own row too, in `own_`. Most
    // negatives lie below the margin, so most factors are zero. With a key, `u` is what dropout leaves
    // of the user's row, which keeps the length that the whole row has.
    void cosines(long b, const Table* tables, const Drawn& drawn) {
        const int64_t* negatives = drawn.negatives;
        const uint64_t* key = drawn.key(b);
        const float* whole = tables[0].rows + drawn.users[b] * d_;
        float *u = &u_[b * d_], *gu = &gu_[b * d_], loss = 0, along = 0;
        gather(tables[0], drawn.users[b], d_, u);
        if (key) dropout_.apply(*key, u, d_);
        std::memset(gu, 0, d_ * sizeof(float));
        const float user_norm = inverse_norm(whole, d_);
        for (long k = 0; k <= N_; ++k) {
            if (k + 8 <= N_) prefetch_row(tables[1], negatives[b * N_ + k + 7], d_);
            const int64_t row = k ? negatives[b * N_ + k - 1] : drawn.items[b];
            const float* x = tables[1].rows + row * d_;
            const float norm = norms_.empty() ? inverse_norm(x, d_) : norms_[row];
            const float cosine = dot(u, x, d_) * user_norm * norm;
            float slope;
            if (k) {
                const bool active = cosine > c_.margin;
                loss += active ? c_.weight / N_ * (cosine - c_.margin) : 0.0f;
                slope = active ? c_.weight / N_ / B_ : 0.0f;
            } else {
                loss = std::max(1 - cosine, 0.0f);
                slope = cosine < 1 ? -1.0f / B_ : 0.0f;
            }
            const float f = slope * user_norm * norm;
            factor_[b * (1 + N_) + k] = f;
            own_[b * (1 + N_) + k] = -slope * cosine * norm * norm;
            along -= slope * cosine * user_norm * user_norm;
            if (f != 0)
                for (long c = 0; c < d_; ++c) gu[c] += f * x[c];
        }
        if (key) dropout_.apply(*key, gu, d_);
        for (long c = 0; c < d_; ++c) gu[c] += along * whole[c];
        losses_[b] = loss;
    }

    Array<float> factor_, own_, norms_;
};

}  // namespace fr
