// Steps of the cosine contrastive loss whose pairs share their sampled items: one matrix product
// computes all cosines of a step.
#pragma once

#include "contrast.h"
#include "gemm.h"

namespace fr {

class SharedSteps : public ContrastSteps<SharedSteps> {
   public:
    explicit SharedSteps(const NegativeConfig& config)
        : ContrastSteps(config, config.negatives, config.batch + checked(config).negatives),
          width_(padded(N_)),
          x_(N_ * d_),
          columns_(d_ * width_),
          cosines_(config.threads * BLOCK * width_),
          along_(config.threads * N_),
          own_norms_(B_),
          norms_(N_),
          own_(B_),
          counts_(B_),
          active_(B_ * N_) {}

    void list(const Drawn& drawn) {
        std::memcpy(targets_.data(), drawn.items, B_ * sizeof(int64_t));
        std::memcpy(&targets_[B_], drawn.negatives, N_ * sizeof(int64_t));
        const float part = static_cast<float>(B_) / N_;
        items_.start(targets_.data(), B_ + N_, [&](long b) { return b < B_ ? 1.0f : part; });
    }

    long prepared() const { return N_; }

    // Unit rows of the sampled items, row-major in x_ and transposed in columns_.
    void prepare(Range mine, const Table& items, const Drawn& drawn) {
        for (long k = mine.begin; k < mine.end; ++k) {
            const float* row = items.rows + drawn.negatives[k] * d_;
            norms_[k] = inverse_norm(row, d_);
            for (long c = 0; c < d_; ++c)
                columns_[c * width_ + k] = x_[k * d_ + c] = row[c] * norms_[k];
        }
    }

    void pairs(Range mine, int me, const Table* tables, const Drawn& drawn) {
        for (long b = mine.begin; b < mine.end; b += BLOCK)
            block({b, std::min(b + BLOCK, mine.end)}, &cosines_[me * BLOCK * width_], tables, drawn);
    }

    void add(Range columns, int me, const Table& items, const Drawn& drawn) {
        float* along = &along_[me * N_];
        std::fill(along, along + N_, 0.0f);
        const float push = c_.weight / N_ / B_;
        for (long b = 0; b < B_; ++b) {
            const float* u = &u_[b * d_];
            if (own_[b] < 1) {
                const float pull = -own_norms_[b] / B_;
                items_.add(b, pull, u, columns);
                items_.add(b, -pull * own_norms_[b] * own_[b], items.rows + drawn.items[b] * d_,
                           columns);
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
    }

   private:
    static constexpr long BLOCK = 48;  // pairs whose cosines stay in the cache
    struct Active {
        int32_t k;
        float cosine;
    };

    void block(Range pairs, float* cosines, const Table* tables, const Drawn& drawn) {
        for (long b = pairs.begin; b < pairs.end; ++b) {
            const float* row = tables[0].rows + drawn.users[b] * d_;
            const float norm = inverse_norm(row, d_);
            for (long c = 0; c < d_; ++c) u_[b * d_ + c] = row[c] * norm;
            if (drawn.keys) dropout_.apply(drawn.keys[b], &u_[b * d_], d_);
        }
        gemm(&u_[pairs.begin * d_], d_, columns_.data(), width_, cosines, width_,
             pairs.end - pairs.begin, width_, d_, false);
        for (long b = pairs.begin; b < pairs.end; ++b) {
            const float* whole = tables[0].rows + drawn.users[b] * d_;
            pair(b, whole, tables[1].rows + drawn.items[b] * d_, cosines + (b - pairs.begin) * width_,
                 drawn.key(b));
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
        if (key) dropout_.apply(*key, gu, d_);
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

    const long width_;
    Array<float> x_, columns_, cosines_, along_, own_norms_, norms_, own_;
    Array<long> counts_;
    Array<Active> active_;
};

}  // namespace fr
