// One hop on a weighted bipartite graph: gathers and sums neighbours' rows, or scatters to them.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>

#include "status.h"
#include "team.h"
#include "vec.h"

namespace fr {

struct Hop {
    int64_t n_rows, dim, threads;
    int64_t n_graph;  // rows of the graph
    const int64_t* indptr;
    const int32_t* indices;
    const float* weights;
    const int64_t* rows;  // which rows of the graph; null for 0 .. n_rows - 1
    const float* base;    // added to the sums: one row for each row of the graph, or null
    const float* from;
    float* into;
};

inline void check_hop(const Hop& h) {
    if (h.rows) check_rows("rows", h.rows, h.n_rows, h.n_graph);
}

constexpr long ROWS_AT_A_TIME = 64, EDGES_AHEAD = 12;

// into[k] = base[row] + sum over the neighbours of `row` of weight * from[neighbour], in the order
// of the edges whatever the number of threads, N vectors of columns at a time.
template <int N>
inline void gather_columns(const Hop& h, long row, long k, long column) {
    const long d = h.dim;
    Vec total[N];
    const float* base = h.base ? h.base + row * d + column : nullptr;
    for (int v = 0; v < N; ++v) total[v] = base ? load(base + v * W) : Vec{};
    for (int64_t e = h.indptr[row]; e < h.indptr[row + 1]; ++e) {
        const float* next = h.from + h.indices[e + EDGES_AHEAD] * d + column;
        for (int v = 0; v < N; ++v) __builtin_prefetch(next + v * W);
        const float* x = h.from + h.indices[e] * d + column;
        Vec weight = all(h.weights[e]);
        for (int v = 0; v < N; ++v) total[v] += weight * load(x + v * W);
    }
    for (int v = 0; v < N; ++v) store(h.into + k * d + column + v * W, total[v]);
}

inline void gather_row(const Hop& h, long row, long k) {
    const long d = h.dim;
    long column = 0;
    for (; column + 8 * W <= d; column += 8 * W) gather_columns<8>(h, row, k, column);
    for (; column + 4 * W <= d; column += 4 * W) gather_columns<4>(h, row, k, column);
    for (; column + W <= d; column += W) gather_columns<1>(h, row, k, column);
    for (; column < d; ++column) {
        float total = h.base ? h.base[row * d + column] : 0.0f;
        for (int64_t e = h.indptr[row]; e < h.indptr[row + 1]; ++e)
            total += h.weights[e] * h.from[h.indices[e] * d + column];
        h.into[k * d + column] = total;
    }
}

// `indices` must be readable for EDGES_AHEAD entries beyond its end, and hold rows there.
inline void gather_hop(const Hop& h) {
    check_hop(h);
    std::atomic<long> next{0};
    team(h.threads, [&](int, int, Barrier&) {
        for (;;) {
            long first = next.fetch_add(ROWS_AT_A_TIME);
            if (first >= h.n_rows) return;
            long last = std::min<long>(first + ROWS_AT_A_TIME, h.n_rows);
            for (long k = first; k < last; ++k) gather_row(h, h.rows ? h.rows[k] : k, k);
        }
    });
}

// into[neighbour] += weight * from[k] for the neighbours of rows[k]. Threads share the columns, so
// that every sum has one order.
inline void scatter_hop(const Hop& h) {
    check_hop(h);
    const long d = h.dim;
    team(h.threads, [&](int me, int members, Barrier&) {
        Range vectors = share((d + W - 1) / W, me, members);
        const long begin = vectors.begin * W, end = std::min(vectors.end * W, d);
        for (long k = 0; k < h.n_rows; ++k) {
            const long row = h.rows ? h.rows[k] : k;
            const float* g = h.from + k * d;
            for (int64_t e = h.indptr[row]; e < h.indptr[row + 1]; ++e) {
                __builtin_prefetch(h.into + h.indices[e + EDGES_AHEAD] * d + begin, 1);
                float *y = h.into + h.indices[e] * d, weight = h.weights[e];
                for (long c = begin; c < end; ++c) y[c] += weight * g[c];
            }
        }
    });
}

}  // namespace fr
