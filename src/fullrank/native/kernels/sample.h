// Looking up drawn pairs: random places in large arrays, asked for well before they are needed.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>

#include "team.h"

namespace fr {

constexpr long AHEAD = 128;
constexpr long TAKEN = 8192;  // cells that a thread takes at a time

// pairs[cell] holds a user row in its upper half and an item row in its lower half. What is asked for
// goes to the second cache, which has room for more requests under way than the first. Threads take
// the next cells when they are free: one of them may share its core with the one that draws cells.
inline void unpack(const int64_t* pairs, const int64_t* cells, long n, int threads, int64_t* users,
                   int64_t* items) {
    std::atomic<long> next{0};
    team(threads, [&](int, Barrier&) {
        for (long begin; (begin = next.fetch_add(TAKEN)) < n;) {
            const long end = std::min(begin + TAKEN, n);
            for (long k = begin; k < end; ++k) {
                if (k + AHEAD < n) __builtin_prefetch(pairs + cells[k + AHEAD], 0, 2);
                int64_t pair = pairs[cells[k]];
                users[k] = pair >> 32;
                items[k] = pair & 0xFFFFFFFF;
            }
        }
    });
}

// Whether each user has interacted with each item; item rows ascend for each user.
inline void observed(const int64_t* indptr, const int32_t* indices, const int64_t* users,
                     const int64_t* items, long n, uint8_t* found) {
    for (long k = 0; k < n; ++k) {
        if (k + 2 * AHEAD < n) __builtin_prefetch(indptr + users[k + 2 * AHEAD], 0, 2);
        if (k + AHEAD < n) {
            int64_t next = users[k + AHEAD];
            __builtin_prefetch(indices + (indptr[next] + indptr[next + 1]) / 2, 0, 2);
        }
        const int32_t *from = indices + indptr[users[k]], *to = indices + indptr[users[k] + 1];
        found[k] = std::binary_search(from, to, static_cast<int32_t>(items[k]));
    }
}

}  // namespace fr
