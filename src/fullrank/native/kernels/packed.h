// A table of items packed into panels, the order in which a product with many items reads it.
#pragma once

#include <algorithm>
#include <cstring>

#include "gemm.h"
#include "team.h"

namespace fr {

constexpr long ITEMS = TILE_VECS * W;  // of a panel: one tile wide

inline long panels_of(long n_items) { return (n_items + ITEMS - 1) / ITEMS; }

// Panel p holds items p * ITEMS and on: d rows of ITEMS numbers, row c with coordinate c of each item,
// so that neighbouring items are neighbouring numbers. Beyond the last item it holds zeros.
inline void pack_panel(const float* table, long n_items, long d, long panel, float* to) {
    const long from = panel * ITEMS, count = std::min(ITEMS, n_items - from);
    const float* rows = table + from * d;
    if (count < ITEMS) std::memset(to, 0, d * ITEMS * sizeof(float));
    const long whole_items = count / W * W, whole_columns = d / W * W;
    for (long i = 0; i < whole_items; i += W)
        for (long c = 0; c < whole_columns; c += W) {
            Vec transposed[W];
            transpose(rows + i * d + c, d, transposed);
            for (long j = 0; j < W; ++j) store(to + (c + j) * ITEMS + i, transposed[j]);
        }
    for (long i = 0; i < count; ++i)
        for (long c = i < whole_items ? whole_columns : 0; c < d; ++c)
            to[c * ITEMS + i] = rows[i * d + c];
}

// panels: panels_of(n_items) * d * ITEMS numbers, which need not be set.
inline void pack(const float* table, long n_items, long d, float* panels, long threads) {
    team(threads, [&](int me, int members, Barrier&) {
        const Range mine = share(panels_of(n_items), me, members);
        for (long p = mine.begin; p < mine.end; ++p)
            pack_panel(table, n_items, d, p, panels + p * d * ITEMS);
    });
}

}  // namespace fr
