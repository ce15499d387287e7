// The kernels that look up, pack, gather and scatter, each against an answer that is easy to see.
#pragma once

#include "cases.h"

namespace fuzz {

inline void unpack(Choices& c) {
    const int64_t n_pairs = c.between(1, 50), n = c.flag(4) ? c.between(8000, 30000) : c.below(300);
    Block<int64_t> pairs(n_pairs);
    c.seed();
    for (int64_t& pair : pairs) pair = c.drawn(INT64_MAX);
    const auto entries = rows(c, n, n_pairs);
    const bool wrong = c.flag(8) && n > 0;
    if (wrong) spoil(c, entries, n_pairs);
    for (const int64_t threads : {1, 3}) {
        Block<int64_t> users(n), items(n);
        Failure failure;
        const int32_t status = fr_unpack(pairs.get(), n_pairs, entries.get(), n, threads,
                                         users.get(), items.get(), &failure);
        expect(status == (wrong ? fr::OUT_OF_RANGE : fr::OK), "unpack: its status");
        for (int64_t k = 0; k < n && !wrong; ++k)
            expect(users[k] == pairs[entries[k]] >> 32 && items[k] == (pairs[entries[k]] & 0xFFFFFFFF),
                   "unpack: halves of each pair");
    }
}

inline void observed(Choices& c) {
    const int64_t n_users = c.between(1, 40), n_items = c.between(1, 60), n = c.below(600);
    Graph graph(c, n_users, n_items, TAME, 0);
    const auto users = rows(c, n, n_users), items = rows(c, n, n_items);
    if (c.flag(4)) spoil(c, items, n_items);  // an item that nobody has, no matter how it is called
    const bool wrong = c.flag(8) && n > 0, torn = !wrong && c.flag(8);
    if (wrong) spoil(c, users, n_users);
    if (torn) graph.indptr[c.below(n_users + 1)] = c.pick<int64_t>({-1, INT64_MAX, INT64_MIN, 7});
    Block<uint8_t> found(n);
    Failure failure;
    const fr::Csr csr = graph.csr();
    const int32_t status = fr_observed(&csr, users.get(), items.get(), n, found.get(), &failure);
    expect(status == fr::OK || status == fr::OUT_OF_RANGE, "observed: its status");
    if (!torn) expect((status == fr::OK) != wrong, "observed: refuses wrong rows alone");
    for (int64_t k = 0; k < n && !wrong && !torn; ++k) {
        const int32_t* row = graph.indices.get();
        const bool there = std::count(row + csr.begin(users[k]), row + csr.end(users[k]), items[k]);
        expect(found[k] == there, "observed: whether the item is in the row");
    }
}

inline void hops(Choices& c) {
    const bool many = c.flag(6);
    const int64_t n = c.between(1, many ? 300 : 30), m = c.between(1, 30), d = c.between(1, 150);
    const Kind kind = c.kind();
    const Graph graph(c, n, m, kind);
    const int64_t count = c.flag() ? c.below(many ? 400 : 60) : n;
    const bool all = count == n && c.flag();
    const auto some = rows(c, count, n);
    const auto from = floats(c, m * d, kind), base = floats(c, n * d, kind);
    const auto grad = floats(c, count * d, kind), before = floats(c, m * d, kind);
    const bool with_base = c.flag(), wrong = !all && count > 0 && c.flag(8);
    if (wrong) spoil(c, some, n);
    Block<float> gathered[2] = {Block<float>(count * d), Block<float>(count * d)};
    Block<float> scattered[2] = {before, before};
    const int64_t threads[2] = {1, 3};
    for (int k = 0; k < 2; ++k) {
        fr::Hop hop{count, d, threads[k], n, graph.indptr.get(), graph.indices.get(),
                    graph.weights.get(), all ? nullptr : some.get(),
                    with_base ? base.get() : nullptr, from.get(), gathered[k].get()};
        Failure failure;
        expect(fr_gather_hop(&hop, &failure) == (wrong ? fr::OUT_OF_RANGE : fr::OK), "gather: status");
        hop.base = nullptr, hop.from = grad.get(), hop.into = scattered[k].get();
        expect(fr_scatter_hop(&hop, &failure) == (wrong ? fr::OUT_OF_RANGE : fr::OK), "scatter: status");
    }
    expect(same(gathered[0], gathered[1]), "gather: the same bits with three threads");
    expect(same(scattered[0], scattered[1]), "scatter: the same bits with three threads");
    if (wrong) expect(same(scattered[0], before), "scatter: nothing written where a row is wrong");
    if (kind != TAME || wrong) return;
    std::vector<double> sums(before.begin(), before.end()), sizes(static_cast<size_t>(m * d), 1);
    for (int64_t k = 0; k < count; ++k) {
        const int64_t row = all ? k : some[k];
        for (int64_t column = 0; column < d; ++column) {
            double total = with_base ? base[row * d + column] : 0;
            for (int64_t e = graph.indptr[row]; e < graph.indptr[row + 1]; ++e) {
                const double weight = graph.weights[e];
                total += weight * from[graph.indices[e] * d + column];
                sums[graph.indices[e] * d + column] += weight * grad[k * d + column];
                sizes[graph.indices[e] * d + column] += 1;
            }
            expect(close(gathered[0][k * d + column], total, double(m)), "gather: the sum");
        }
    }
    for (int64_t k = 0; k < m * d; ++k)
        expect(close(scattered[0][k], sums[k], sizes[k]), "scatter: the sum");
}

// A search and what it is asked for.
struct Search {
    int64_t d, n_items, n_rows, n_users, k, width;
    Block<float> user_table, item_table, panels;
    Block<int64_t> users;
    std::vector<Graph> excluded;
    Block<uint8_t> candidates;
    bool all;

    explicit Search(Choices& c) {
        const int size = static_cast<int>(c.pick({0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2}));
        // Threads are worth it for many users (1), or for many items (2).
        d = size == 2 ? c.between(60, 90) : c.flag(8) ? c.between(120, 300) : c.between(1, 70);
        n_items = size == 2 ? c.between(15000, 20000) : c.below(150);
        n_rows = c.between(1, size ? 2 : 20);
        n_users = size == 1 ? c.between(1500, 3000) : size == 2 ? c.between(5, 15) : c.below(130);
        k = c.flag() ? c.between(1, 6) : c.between(1, std::min<int64_t>(n_items, 200) + 5);
        width = fr_panel_items();
        const Kind kind = c.kind();
        user_table = floats(c, n_rows * d, kind), item_table = floats(c, n_items * d, kind);
        panels = Block<float>((n_items + width - 1) / width * width * d);
        std::fill(panels.begin(), panels.end(), NAN);
        users = rows(c, n_users, n_rows);
        for (int64_t e = c.below(3); e > 0 && n_items; --e)
            excluded.emplace_back(c, n_rows, n_items, TAME, 0);
        all = c.flag();
        candidates = Block<uint8_t>(n_items);
        c.seed();
        for (uint8_t& each : candidates) each = c.drawn(3) > 0;
    }

    void pack(Choices& c) const {
        Failure failure;
        const int64_t threads = c.pick({1, 3});
        expect(fr_pack(item_table.get(), n_items, d, panels.get(), threads, &failure) == fr::OK,
               "pack: its status");
        for (int64_t i = 0; i < (n_items + width - 1) / width * width; ++i)
            for (int64_t column = 0; column < d; ++column) {
                const float there = panels[(i / width * d + column) * width + i % width];
                expect(same(there, i < n_items ? item_table[i * d + column] : 0.0f), "pack: the order");
            }
    }

    int32_t run(int64_t threads, Block<int32_t>& items, Block<float>& scores, int64_t& nan) const {
        std::vector<fr::Csr> masks;
        for (const Graph& each : excluded) masks.push_back(each.csr());
        masks.push_back({});
        const fr::TopK job{d, n_items, n_users, k, threads,
                           static_cast<int64_t>(excluded.size()), n_rows, user_table.get(),
                           panels.get(), users.get(), masks.data(),
                           all ? nullptr : candidates.get(), items.get(), scores.get()};
        Failure failure;
        nan = -1;
        return fr_top_k(&job, &nan, &failure);
    }

    bool may_have(int64_t row, int64_t item) const {
        if (!all && !candidates[item]) return false;
        for (const Graph& each : excluded)
            if (std::binary_search(each.indices.get() + each.indptr[row],
                                   each.indices.get() + each.indptr[row + 1], item))
                return false;
        return true;
    }

    // Columns in order, fused as the kernel fuses them: the same bits.
    float score(int64_t row, int64_t item) const {
        float total = 0;
        for (int64_t column = 0; column < d; ++column) {
            const float x = user_table[row * d + column], y = item_table[item * d + column];
#if defined(__FMA__)
            total = std::fmaf(x, y, total);
#else
            total = x * y + total;
#endif
        }
        return total;
    }

    // The best of a row by sorting all, and whether a score is not a number.
    bool best(int64_t row, std::vector<fr::Candidate>& sorted) const {
        bool bad = false;
        sorted.clear();
        for (int64_t item = 0; item < n_items; ++item) {
            if (!may_have(row, item)) continue;
            const float found = score(row, item);
            bad = bad || std::isnan(found);
            if (found > fr::LOWEST) sorted.push_back({found + 0.0f, static_cast<int32_t>(item)});
        }
        std::sort(sorted.begin(), sorted.end());
        return bad;
    }
};

inline void top_k(Choices& c) {
    const Search search(c);
    search.pack(c);
    const bool wrong = search.n_users > 0 && c.flag(10);
    if (wrong) spoil(c, search.users, search.n_rows);
    const bool torn = !wrong && !search.excluded.empty() && c.flag(10);
    if (torn) {
        const Graph& mask = search.excluded[0];
        if (c.flag() && mask.nnz)
            mask.indices[c.below(mask.nnz)] = c.pick<int32_t>({-1, INT32_MAX, INT32_MIN, 0});
        else
            mask.indptr[c.below(search.n_rows + 1)] = c.pick<int64_t>({-1, INT64_MAX, INT64_MIN, 2});
    }
    const int64_t n = search.n_users * search.k;
    Block<int32_t> items[2] = {Block<int32_t>(n), Block<int32_t>(n)};
    Block<float> scores[2] = {Block<float>(n), Block<float>(n)};
    int64_t nan[2];
    int32_t status[2];
    for (const int at : {0, 1})
        status[at] = search.run(at ? 3 : 1, items[at], scores[at], nan[at]);
    if (torn) return;  // refused, or an order that is nobody's: nothing outside was touched
    expect(status[0] == status[1], "top_k: the same status with three threads");
    expect(status[0] == (wrong ? fr::OUT_OF_RANGE : fr::OK), "top_k: its status");
    if (wrong) return;
    std::vector<std::vector<fr::Candidate>> sorted(static_cast<size_t>(search.n_rows));
    std::vector<bool> bad(static_cast<size_t>(search.n_rows));
    for (int64_t row = 0; row < search.n_rows; ++row) bad[row] = search.best(row, sorted[row]);
    const bool any = std::any_of(search.users.begin(), search.users.end(),
                                 [&](int64_t row) { return bad[row]; });
    for (const int at : {0, 1}) {
        expect((nan[at] >= 0) == any, "top_k: says whether a score is not a number");
        if (any) expect(bad[search.users[nan[at]]], "top_k: says whose score is not a number");
    }
    for (int64_t u = 0; u < search.n_users; ++u) {
        const auto& best = sorted[search.users[u]];
        if (bad[search.users[u]]) continue;
        for (int64_t rank = 0; rank < search.k; ++rank) {
            const bool there = rank < static_cast<int64_t>(best.size());
            for (const int at : {0, 1}) {
                const int64_t slot = u * search.k + rank;
                expect(items[at][slot] == (there ? best[rank].item : -1), "top_k: the item");
                expect(same(scores[at][slot], there ? best[rank].score : fr::LOWEST), "top_k: the score");
            }
        }
    }
}

}  // namespace fuzz
