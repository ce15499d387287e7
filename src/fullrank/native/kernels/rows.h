// Embedding tables: gathers rows, sums the gradients of a batch by row, applies optimiser updates.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>

#include "memory.h"
#include "missed.h"
#include "status.h"
#include "team.h"
#include "vec.h"

namespace fr {

constexpr float NO_ROW = 1e-12f;  // the norm up to which a row counts as zero, as in torch

// KEEP: no update, see Table. ADAM: each row by itself. DENSE_ADAM: as if all rows moved at each step.
enum Rule : int64_t { SGD = 0, ADAGRAD = 1, ADAM = 2, KEEP = 3, DENSE_ADAM = 4 };

// An optimiser step, the same for every table.
struct Update {
    int64_t rule;
    float lr, decay;  // L2 penalty: adds decay * row to the gradient once per occurrence in the batch
    float eps, beta1, beta2;
};

// A parameter table and its optimiser state, null where the rule has none. KEEP writes the gradient
// to `square`. `count` is the steps of each row; `last` the step that each row is up to, and `clock` the
// steps of the table.
struct Table {
    float* rows;
    int64_t n;
    float *square, *mean, *count;
    int64_t *last, *clock;
};

// Prefetches a row into the first cache (3) or the second (2), which takes more requests at a time.
template <int CACHE = 3>
inline void prefetch_row(const Table& t, int64_t row, long d) {
    const float* p = t.rows + row * d;
    for (long c = 0; c < d; c += 16) __builtin_prefetch(p + c, 0, CACHE);
}

// 1 / ||x||, and 1 for a zero row.
inline float inverse_norm(const float* x, long d) {
    const float square = dot(x, x, d);
    return square > NO_ROW * NO_ROW ? 1 / std::sqrt(square) : 1.0f;
}

inline void gather(const Table& t, int64_t row, long d, float* out) {
    std::memcpy(out, t.rows + row * d, d * sizeof(float));
}

// A hash table that numbers the distinct rows of a batch. Its memory grows with the batch, not with
// the parameter table, so that a step costs the same on a large one.
class Numbering {
   public:
    explicit Numbering(long most) {
        while (1L << bits_ < 2 * most) ++bits_;
        slots_.assign(1L << bits_, {-1, 0});
        taken_.reserve(most);  // `of` must not fail between its two writes
    }

    // The number of a row, which is the next one if the row is new.
    int32_t of(int64_t row) {
        const uint64_t last = slots_.size() - 1;
        uint64_t at = static_cast<uint64_t>(row) * 0x9e3779b97f4a7c15u >> (64 - bits_);
        while (slots_[at].row != row && slots_[at].row >= 0) at = (at + 1) & last;
        if (slots_[at].row < 0) {
            slots_[at] = {row, static_cast<int32_t>(taken_.size())};
            taken_.push_back(at);
        }
        return slots_[at].number;
    }

    void clear() {
        for (uint64_t at : taken_) slots_[at].row = -1;
        taken_.clear();
    }

   private:
    struct Slot {
        int64_t row;
        int32_t number;
    };
    int bits_ = 1;
    Array<Slot> slots_;
    Array<uint64_t> taken_;
};

// Gradients of a batch by distinct row: repeated rows get the sum, then the rule updates each once.
class Gradients {
   public:
    // `most`: distinct rows that a batch can have.
    Gradients(long most, long d) : d_(d), numbers_(most) {}

    void start(const int64_t* idx, long count) {
        start(idx, count, [](long) { return 1.0f; });
    }

    // Numbers the rows of a batch, and sums the weight of their occurrences for the L2 penalty:
    // occurrence b of the batch counts as weight(b). One thread.
    template <class Weight>
    void start(const int64_t* idx, long count, const Weight& weight) {
        numbers_.clear();
        distinct_.clear();
        occurrences_.clear();
        number_.resize(count);
        for (long b = 0; b < count; ++b) {
            const int32_t number = number_[b] = numbers_.of(idx[b]);
            if (number == static_cast<int32_t>(distinct_.size())) {
                distinct_.push_back(idx[b]);
                occurrences_.push_back(0);
            }
            occurrences_[number] += weight(b);
        }
        if (distinct_.size() * d_ > sums_.size()) sums_.resize(distinct_.size() * d_);
    }

    // How often the row of occurrence b is in the batch, by weight.
    float occurrences(long b) const { return occurrences_[number_[b]]; }

    // The rest works on columns [begin, end) and may be shared among threads by columns.
    void zero(Range columns) {
        for (size_t k = 0; k < distinct_.size(); ++k)
            std::memset(&sums_[k * d_ + columns.begin], 0,
                        (columns.end - columns.begin) * sizeof(float));
    }

    void add(long b, float factor, const float* row, Range columns) {
        float* to = &sums_[number_[b] * d_];
        for (long c = columns.begin; c < columns.end; ++c) to[c] += factor * row[c];
    }

    void apply(const Table& t, const Update& u, Range columns) {
        for (size_t k = 0; k < distinct_.size(); ++k) {
            float* sum = &sums_[k * d_];
            float* x = t.rows + distinct_[k] * d_;
            if (u.decay != 0) {
                float factor = u.decay * occurrences_[k];
                for (long c = columns.begin; c < columns.end; ++c) sum[c] += factor * x[c];
            }
            if (u.rule == KEEP)
                std::memcpy(t.square + distinct_[k] * d_ + columns.begin, sum + columns.begin,
                            (columns.end - columns.begin) * sizeof(float));
            else if (u.rule == SGD)
                for (long c = columns.begin; c < columns.end; ++c) x[c] -= u.lr * sum[c];
            else if (u.rule == ADAGRAD)
                adagrad(x, sum, t.square + distinct_[k] * d_, u, columns);
            else
                adam(x, sum, t, distinct_[k], u, columns);
        }
    }

    // Dense Adam, before the rows are read: the moves that some of the distinct rows missed.
    void catch_up(const Table& t, const Update& u, const MissedSteps& missed, Range rows) const {
        for (long k = rows.begin; k < rows.end; ++k) {
            const int64_t row = distinct_[k], now = *t.clock, last = t.last[row];
            if (last < 0 || last > now) throw OutOfRange("last", row, last, 0, now + 1);
            if (last == now) continue;
            t.last[row] = now;
            const MissedSteps::Nodes nodes = missed.nodes(last, now);
            const float near = u.eps * nodes.factor[0], far = u.eps * nodes.factor[1];
            float *x = t.rows + row * d_, *mean = t.mean + row * d_, *square = t.square + row * d_;
            for (long c = 0; c < d_; ++c) {
                const float root = std::sqrt(square[c]);
                x[c] -= u.lr * mean[c] *
                        (nodes.weight[0] / (root + near) + nodes.weight[1] / (root + far));
                mean[c] *= nodes.mean;
                square[c] *= nodes.square;
            }
        }
    }

    long distinct() const { return distinct_.size(); }

    // After every thread has applied: Adam's count of each row, or of the table; one thread.
    void count(const Table& t, const Update& u) {
        if (u.rule == ADAM)
            for (int64_t row : distinct_) t.count[row] += 1;
        if (u.rule != DENSE_ADAM) return;
        *t.clock += 1;
        for (int64_t row : distinct_) t.last[row] = *t.clock;
    }

   private:
    static void adagrad(float* x, const float* g, float* square, const Update& u, Range columns) {
        for (long c = columns.begin; c < columns.end; ++c) {
            square[c] += g[c] * g[c];
            x[c] -= u.lr * g[c] / (std::sqrt(square[c]) + u.eps);
        }
    }

    void adam(float* x, const float* g, const Table& t, int64_t row, const Update& u,
              Range columns) const {
        float *mean = t.mean + row * d_, *square = t.square + row * d_;
        float steps = u.rule == ADAM ? t.count[row] + 1 : static_cast<float>(*t.clock + 1);
        float bias1 = 1 - std::pow(u.beta1, steps), bias2 = 1 - std::pow(u.beta2, steps);
        for (long c = columns.begin; c < columns.end; ++c) {
            mean[c] += (1 - u.beta1) * (g[c] - mean[c]);
            square[c] += (1 - u.beta2) * (g[c] * g[c] - square[c]);
            x[c] -= u.lr * (mean[c] / bias1) / (std::sqrt(square[c] / bias2) + u.eps);
        }
    }

    const long d_;
    Numbering numbers_;
    Array<int64_t> distinct_;
    Array<int32_t> number_;
    Array<float> occurrences_, sums_;
};

// Dense Adam, before a step reads its rows: what they missed, once they are numbered. Shared by rows.
inline void catch_up(int me, int members, const Table* tables,
                     const std::array<const Gradients*, 2>& sums, const Update& update,
                     const MissedSteps& missed, Barrier& barrier) {
    barrier.wait();
    for (int s = 0; s < 2; ++s)
        sums[s]->catch_up(tables[s], update, missed, share(sums[s]->distinct(), me, members));
    barrier.wait();
}

// The columns of a member: whole cache lines, so that no two members write to one line.
inline Range columns_of(long d, int member, int members) {
    Range lines = share((d + 15) / 16, member, members);
    return {lines.begin * 16 < d ? lines.begin * 16 : d, lines.end * 16 < d ? lines.end * 16 : d};
}

}  // namespace fr
