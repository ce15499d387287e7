// The training step that all losses against sampled items share; each fills in its own parts.
#pragma once

#include <algorithm>
#include <cstdint>

#include "dropout.h"
#include "rows.h"

namespace fr {

enum Contrast : int64_t { BPR = 0, BCE = 1, CCL = 2 };

struct NegativeConfig {
    int64_t batch, dim, negatives, threads, objective;
    int64_t n[2];
    float margin, weight;  // of CCL
    double dropout;        // share of a unit user row that CCL sets to zero
};

// The rows of one training step. The keys are null without dropout.
struct Drawn {
    const int64_t *users, *items, *negatives;
    const uint64_t* keys;

    const uint64_t* key(long b) const { return keys ? keys + b : nullptr; }
};

// `Own`, the class that derives from this one, has the parts of a step: `list(drawn)` registers the
// item rows of the batch (one member); `prepare(mine, items, drawn)` computes a share of what the
// pairs need, if `prepared()` is not 0; `pairs(mine, me, tables, drawn)` computes losses and user
// gradients of a share of the pairs; `add(columns, me, items, drawn)` adds the item gradients to
// their sums, in these columns.
template <class Own>
class ContrastSteps {
   public:
    void run(long steps, const Table* tables, const Update& update, const int64_t* users,
             const int64_t* items, const int64_t* negatives, const uint64_t* keys, double* losses) {
        Own& own = static_cast<Own&>(*this);
        check_rows("users", users, steps * B_, c_.n[0]);
        check_rows("items", items, steps * B_, c_.n[1]);
        check_rows("negatives", negatives, steps * drawn_, c_.n[1]);
        if (update.rule == DENSE_ADAM) missed_.prepare(update.beta1, update.beta2);
        team(c_.threads, [&](int me, int members, Barrier& barrier) {
            for (long step = 0; step < steps; ++step) {
                const Drawn drawn{users + step * B_, items + step * B_, negatives + step * drawn_,
                                  keys ? keys + step * B_ : nullptr};
                if (me == 0) users_.start(drawn.users, B_);
                if (me == members - 1) own.list(drawn);
                if (update.rule == DENSE_ADAM)
                    catch_up(me, members, tables, {&users_, &items_}, update, missed_, barrier);
                if (own.prepared()) {
                    own.prepare(share(own.prepared(), me, members), tables[1], drawn);
                    barrier.wait();
                }
                own.pairs(share(B_, me, members), me, tables, drawn);
                barrier.wait();
                if (me == 0) {
                    losses[step] = 0;
                    for (float loss : losses_) losses[step] += loss;
                    losses[step] /= B_;
                }
                move(columns_of(d_, me, members), me, tables, update, drawn);
                barrier.wait();
                if (me == 0) {
                    users_.count(tables[0], update);
                    items_.count(tables[1], update);
                }
                if (update.rule == ADAM || update.rule == DENSE_ADAM) barrier.wait();
            }
        });
    }

   protected:
    // Before sizes are multiplied or added: outside their bounds even that is undefined.
    static const NegativeConfig& checked(const NegativeConfig& config) {
        check_size("batch", config.batch);
        check_size("dim", config.dim);
        check_size("negatives", config.negatives);
        check_size("batch * (1 + negatives)", config.batch * (1 + config.negatives));
        return config;
    }

    // `drawn`: sampled items of a step; `occurrences`: item rows of a step, repeated ones counted.
    ContrastSteps(const NegativeConfig& config, long drawn, long occurrences)
        : c_(checked(config)),
          B_(config.batch),
          d_(config.dim),
          N_(config.negatives),
          drawn_(drawn),
          dropout_(config.dropout),
          u_(B_ * d_),
          gu_(B_ * d_),
          losses_(B_),
          targets_(occurrences),
          users_(std::min(B_, config.n[0]), d_),
          items_(std::min(occurrences, config.n[1]), d_) {}

    const NegativeConfig c_;
    const long B_, d_, N_, drawn_;
    const Dropout dropout_;
    Array<float> u_, gu_, losses_;
    Array<int64_t> targets_;
    Gradients users_, items_;

   private:
    MissedSteps missed_;

    void move(Range columns, int me, const Table* tables, const Update& update,
              const Drawn& drawn) {
        if (columns.begin == columns.end) return;
        users_.zero(columns);
        items_.zero(columns);
        for (long b = 0; b < B_; ++b) users_.add(b, 1, &gu_[b * d_], columns);
        static_cast<Own&>(*this).add(columns, me, tables[1], drawn);
        users_.apply(tables[0], update, columns);
        items_.apply(tables[1], update, columns);
    }
};

}  // namespace fr
