// The k items of highest inner product for each user, without ever holding a whole row of scores.
#pragma once

#include <algorithm>
#include <atomic>
#include <limits>

#include "csr.h"
#include "gemm.h"
#include "memory.h"
#include "packed.h"
#include "team.h"

namespace fr {

struct TopK {
    int64_t dim, n_items, n_users, k, threads, n_excluded;
    int64_t n_user_rows;               // of the user table
    const float *user_table, *panels;  // panels: the item table as `pack` lays it out
    const int64_t* users;              // (n_users,) rows of the user table
    const Csr* excluded;               // (n_excluded,), items by row of the user table
    const uint8_t* candidates;         // (n_items,), or null: all
    int32_t* items;                    // out: (n_users, k), -1 where fewer items are left
    float* scores;                     // out: (n_users, k), -inf there
};

constexpr long USERS = 16 * TILE_ROWS;  // of a block: its scores for a panel stay in the cache
constexpr long CHUNKS = 16;             // of the items, a thread: those that are held up take fewer
// Work that a thread must have to be worth starting, some 100 us of it: products of a user with an
// item, times d, where a block's pass over the table counts as PASS users more.
constexpr double WORTH = 1 << 23, PASS = 2;
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
    void start(long k) {
        k_ = k;
        floor_ = LOWEST;
        kept_.clear();
        kept_.reserve(2 * k + ITEMS);
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

    // Merges the candidates that another has kept, of other items.
    void merge(const Best& other) {
        kept_.insert(kept_.end(), other.kept_.begin(), other.kept_.end());
        select_best(true);
    }

    // The best first, in `count` slots.
    void write(int32_t* items, float* scores, long count) {
        select_best(true);
        std::sort(kept_.begin(), kept_.end());
        for (long i = 0; i < count; ++i) {
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

// Threads take whole blocks of users while there is one for each. They share the remaining blocks, or all
// blocks where users are few, by items and merge what each has kept. A score is summed in one order
// whatever the block, and (score, item) orders candidates strictly, so that neither the users asked for
// together nor the threads change a bit of the result.
class Search {
   public:
    explicit Search(const TopK& job)
        : j_(job), panels_(panels_of(job.n_items)), blocks_((job.n_users + USERS - 1) / USERS),
          members_(members(job, blocks_)), alone_(blocks_ / members_ * members_),
          chunk_(members_ == 1 ? panels_ : panels_ / (CHUNKS * members_) + 1),
          next_chunk_(blocks_ - alone_) {
        check();
        works_.reserve(members_);
        for (int me = 0; me < members_; ++me)
            works_.emplace_back(std::min(USERS, job.n_users), job.dim, job.n_excluded, kept());
    }

    // Row of `users` with a score that is not a number, or -1.
    int64_t run() {
        team(members_, [&](int me, int members, Barrier& barrier) {
            for (long block; (block = next_block_.fetch_add(1)) < alone_;) {
                begin(block, works_[me]);
                search(block, 0, panels_, works_[me]);
                for (long u = 0; u < users_of(block); ++u) write(block, u, works_[me].best[u]);
            }
            for (long block = alone_; block < blocks_; ++block) together(block, me, members, barrier);
        });
        return bad_.load();
    }

   private:
    struct Work {
        Work(long users, long d, long n_excluded, long kept)
            : rows(users * d), scores(users * ITEMS), best(users), at(users * n_excluded) {
            for (Best& each : best) each.start(kept);  // takes the memory, here and not in a thread
        }
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

    static int members(const TopK& job, long blocks) {
        const double users = job.n_users + PASS * blocks;
        const double most = 1 + users * job.n_items * job.dim / WORTH;
        return std::max(1, static_cast<int>(std::min<double>(job.threads, most)));
    }

    long kept() const { return std::min(j_.k, j_.n_items); }

    long users_of(long block) const { return std::min(USERS, j_.n_users - block * USERS); }

    // One block of users by all threads, each with chunks of the items.
    void together(long block, int me, int members, Barrier& barrier) {
        Work& work = works_[me];
        begin(block, work);
        std::atomic<long>& next = next_chunk_[block - alone_];
        for (long p; (p = next.fetch_add(chunk_)) < panels_;)
            search(block, p, std::min(p + chunk_, panels_), work);
        for (long u = 0; u < users_of(block); ++u) work.best[u].select_best(true);
        barrier.wait();
        const Range mine = share(users_of(block), me, members);
        for (long u = mine.begin; u < mine.end; ++u) {
            for (int other = 1; other < members; ++other)
                works_[0].best[u].merge(works_[other].best[u]);
            write(block, u, works_[0].best[u]);
        }
        barrier.wait();
    }

    void begin(long block, Work& work) {
        const long d = j_.dim, first = block * USERS;
        for (long u = 0; u < users_of(block); ++u) {
            int64_t row = j_.users[first + u];
            std::memcpy(work.rows.at(u * d), j_.user_table + row * d, d * sizeof(float));
            work.best[u].start(kept());
            for (long e = 0; e < j_.n_excluded; ++e) {
                j_.excluded[e].check("excluded indptr", row);
                work.at[u * j_.n_excluded + e] = j_.excluded[e].begin(row);
            }
        }
    }

    // Scores of a block of users for some panels; a thread's panels come in ascending order.
    void search(long block, long from, long until, Work& work) {
        const long d = j_.dim, first = block * USERS, count = users_of(block);
        for (long u = 0; u < count && from > 0; ++u) skip(first + u, u, from * ITEMS, work);
        for (long p = from; p < until; ++p) {
            gemm(work.rows.at(0), d, j_.panels + p * d * ITEMS, ITEMS, work.scores.at(0), ITEMS,
                 count, ITEMS, d, false);
            for (long u = 0; u < count; ++u) scan(first + u, u, p * ITEMS, work);
        }
    }

    // Passes over the excluded items below `from`, which belong to other threads.
    void skip(long position, long u, long from, Work& work) {
        for (long e = 0; e < j_.n_excluded; ++e) {
            const Csr& out = j_.excluded[e];
            int64_t& at = work.at[u * j_.n_excluded + e];
            const int64_t end = out.end(j_.users[position]);
            at = std::lower_bound(out.indices + at, out.indices + std::max(at, end), from) -
                 out.indices;
        }
    }

    void write(long block, long u, Best& best) {
        const long position = block * USERS + u;
        best.write(j_.items + position * j_.k, j_.scores + position * j_.k, j_.k);
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
    const long panels_, blocks_;
    const int members_;
    const long alone_;  // blocks that are one thread's work; the others are everybody's
    const long chunk_;  // panels that a thread takes at a time of a block that is everybody's
    std::atomic<long> next_block_{0};
    std::vector<std::atomic<long>> next_chunk_;
    std::vector<Work> works_;
    std::atomic<int64_t> bad_{-1};
};

}  // namespace fr
