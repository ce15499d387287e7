// Looking up drawn pairs: random entries of large arrays, prefetched well before they are needed.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>

#include "csr.h"
#include "status.h"
#include "team.h"

namespace fr {

constexpr long AHEAD = 128;
constexpr long CHUNK = 8192;  // entries that a thread takes at a time

// Prefetches array[index], which need not exist: no pointer outside the array is formed. The second
// cache takes more requests at a time than the first.
template <class T>
inline void prefetch_at(const T* array, int64_t index) {
    const uintptr_t offset = static_cast<uintptr_t>(index) * sizeof(T);
    __builtin_prefetch(reinterpret_cast<const void*>(reinterpret_cast<uintptr_t>(array) + offset), 0, 2);
}

// pairs[entry] holds a user row in its upper half and an item row in its lower half. Threads take the
// next chunk when they are free: one of them may share its core with the one that draws the entries.
inline void unpack(const int64_t* pairs, long n_pairs, const int64_t* entries, long n, long threads,
                   int64_t* users, int64_t* items) {
    std::atomic<long> next{0};
    team(threads, [&](int, int, Barrier&) {
        for (long begin; (begin = next.fetch_add(CHUNK)) < n;) {
            const long end = std::min(begin + CHUNK, n);
            for (long k = begin; k < end; ++k) {
                if (k + AHEAD < n) prefetch_at(pairs, entries[k + AHEAD]);
                check_row("entries", k, entries[k], n_pairs);
                int64_t pair = pairs[entries[k]];
                users[k] = pair >> 32;
                items[k] = pair & 0xFFFFFFFF;
            }
        }
    });
}

// Whether each user has interacted with each item.
inline void observed(const Csr& data, const int64_t* users, const int64_t* items, long n,
                     uint8_t* found) {
    check_rows("users", users, std::min(n, AHEAD), data.n_rows);
    for (long k = 0; k < n; ++k) {
        if (k + 2 * AHEAD < n) prefetch_at(data.indptr, users[k + 2 * AHEAD]);
        if (k + AHEAD < n) {
            check_row("users", k + AHEAD, users[k + AHEAD], data.n_rows);
            const uint64_t from = data.begin(users[k + AHEAD]), to = data.end(users[k + AHEAD]);
            prefetch_at(data.indices, static_cast<int64_t>((from + to) / 2));
        }
        data.check("indptr", users[k]);
        const int32_t *from = data.indices + data.begin(users[k]);
        const int32_t *to = data.indices + data.end(users[k]);
        const int32_t item = static_cast<int32_t>(items[k]);
        found[k] = item == items[k] && std::binary_search(from, to, item);
    }
}

}  // namespace fr
