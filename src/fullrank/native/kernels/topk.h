// The k items of highest inner product for each user, without ever holding a whole row of scores.
#pragma once

#include <algorithm>
#include <atomic>
#include <limits>

#include "csr.h"
#include "gemm.h"
#include "memory.h"
#include "team.h"

namespace fr {

struct TopK {
    int64_t dim, n_items, n_users, k, threads, n_excluded;
    int64_t n_user_rows;  // of the user table
    const float *user_table, *item_table;
    const int64_t* users;       // (n_users,) rows of the user table
    const Csr* excluded;        // (n_excluded,), items by row of the user table
    const uint8_t* candidates;  // (n_items,), or null: all
    int32_t* items;             // out: (n_users, k), -1 where fewer items are left
    float* scores;              // out: (n_users, k), -inf there
};

constexpr long ITEMS = TILE_VECS * W;      // of a panel: one tile wide
constexpr long USERS = 16 * TILE_ROWS;     // of a block: its scores for a panel stay in the cache
constexpr float LOWEST = -std::numeric_limits<float>::infinity();

struct Candidate {
    float score;
    int32_t item;
    bool operator<(const Candidate& o) const {
        return score != o.score ? score > o.score : item < o.item;
    }
};

// The best items of one user so far. Items come in ascending order, so a later one must be strictly
// better than the k-th to enter.
class Best {
   public:
    void start(long k, long n_items) {
        k_ = k;
        floor_ = LOWEST;
        kept_.clear();
        kept_.reserve(2 * std::min(k, n_items) + ITEMS);
    }

    float floor() const { return floor_; }

    void add(float score, int32_t item) {
        if (score > floor_) kept_.push_back({score + 0.0f, item});
    }

    // Shrinks the candidates to the best k, once there are 2k of them or at the end.
    void select_best(bool at_end) {
        long n = static_cast<long>(kept_.size());
        if (n <= k_ || (!at_end && n < 2 * k_)) return;
        std::nth_element(kept_.begin(), kept_.begin() + (k_ - 1), kept_.end());
        floor_ = kept_[k_ - 1].score;
        kept_.resize(k_);
    }

    void write(int32_t* items, float* scores) {
        select_best(true);
        std::sort(kept_.begin(), kept_.end());
        for (long i = 0; i < k_; ++i) {
            bool there = i < static_cast<long>(kept_.size());
            items[i] = there ? kept_[i].item : -1;
            scores[i] = there ? kept_[i].score : LOWEST;
        }
    }

   private:
    long k_ = 0;
    float floor_ = LOWEST;
    Array<Candidate> kept_;
};

class Search {
   public:
    explicit Search(const TopK& job)
        : j_(job), panels_((job.n_items + ITEMS - 1) / ITEMS),
          packed_(panels_ * job.dim * ITEMS) {}

    // Row of `users` with a score that is not a number, or -1.
    int64_t run() {
        check();
        long blocks = (j_.n_users + USERS - 1) / USERS;
        std::atomic<long> next{0};
        team(j_.threads, [&](int me, int members, Barrier& barrier) {
            Range mine = share(panels_, me, members);
            for (long p = mine.begin; p < mine.end; ++p) pack(p);
            barrier.wait();
            Work work(j_.dim, j_.n_excluded);
            for (long block; (block = next.fetch_add(1)) < blocks;) search(block * USERS, work);
        });
        return bad_.load();
    }

   private:
    struct Work {
        Work(long d, long n_excluded)
            : rows(USERS * d), scores(USERS * ITEMS), best(USERS), at(USERS * n_excluded) {}
        Floats rows, scores;
        Array<Best> best;
        Array<int64_t> at;  // next excluded item of each user
    };

    void check() const {
        check_size("k", j_.k);
        check_rows("users", j_.users, j_.n_users, j_.n_user_rows);
        for (long e = 0; e < j_.n_excluded; ++e)
            check_rows("users", j_.users, j_.n_users, j_.excluded[e].n_rows);
    }

    // Copies the transpose of a panel of items: neighbouring items become neighbouring numbers.
    void pack(long panel) {
        float* to = packed_.at(panel * j_.dim * ITEMS);
        long from = panel * ITEMS, count = std::min(ITEMS, j_.n_items - from);
        for (long i = 0; i < count; ++i)
            for (long c = 0; c < j_.dim; ++c)
                to[c * ITEMS + i] = j_.item_table[(from + i) * j_.dim + c];
    }

    void search(long first, Work& work) {
        long count = std::min(USERS, j_.n_users - first), d = j_.dim;
        for (long u = 0; u < count; ++u) {
            int64_t row = j_.users[first + u];
            std::memcpy(work.rows.at(u * d), j_.user_table + row * d, d * sizeof(float));
            work.best[u].start(j_.k, j_.n_items);
            for (long e = 0; e < j_.n_excluded; ++e) {
                j_.excluded[e].check("excluded indptr", row);
                work.at[u * j_.n_excluded + e] = j_.excluded[e].begin(row);
            }
        }
        for (long p = 0; p < panels_; ++p) {
            gemm(work.rows.at(0), d, packed_.at(p * d * ITEMS), ITEMS, work.scores.at(0), ITEMS,
                 count, ITEMS, d, false);
            for (long u = 0; u < count; ++u) scan(first + u, u, p * ITEMS, work);
        }
        for (long u = 0; u < count; ++u)
            work.best[u].write(j_.items + (first + u) * j_.k, j_.scores + (first + u) * j_.k);
    }

    // Masks the scores of one user for one panel and adds those above the floor to its best.
    void scan(long position, long u, long from, Work& work) {
        float* scores = work.scores.at(u * ITEMS);
        long until = std::min(from + ITEMS, j_.n_items);
        for (long e = 0; e < j_.n_excluded; ++e) {
            const Csr& out = j_.excluded[e];
            int64_t& at = work.at[u * j_.n_excluded + e];
            const int64_t end = out.end(j_.users[position]);
            for (; at < end && out.indices[at] < until; ++at) {
                const long item = out.indices[at];
                if (item < from) throw OutOfRange("excluded items", at, item, from, j_.n_items);
                scores[item - from] = LOWEST;
            }
            if (until == j_.n_items && at < end)
                throw OutOfRange("excluded items", at, out.indices[at], from, j_.n_items);
        }
        if (j_.candidates)
            for (long i = from; i < until; ++i)
                if (!j_.candidates[i]) scores[i - from] = LOWEST;
        Best& best = work.best[u];
        Vec floor = all(best.floor());
        bool added = false;
        for (long v = 0; v < ITEMS; v += W) {
            Ints high = ~(load(scores + v) <= floor);  // numbers above it, and NaN
            if (!any(high)) continue;
            for (long i = v; i < v + W && from + i < until; ++i) {
                if (std::isnan(scores[i])) bad_.store(position);
                best.add(scores[i], static_cast<int32_t>(from + i));
            }
            added = true;
        }
        if (added) best.select_best(false);
    }

    static bool any(Ints mask) {
        int64_t parts[sizeof(Ints) / 8];
        std::memcpy(parts, &mask, sizeof mask);
        int64_t joined = 0;
        for (int64_t part : parts) joined |= part;
        return joined != 0;
    }

    const TopK& j_;
    const long panels_;
    Floats packed_;
    std::atomic<int64_t> bad_{-1};
};

}  // namespace fr
