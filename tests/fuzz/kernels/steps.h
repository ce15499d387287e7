// The training steps: what one thread and three make of the same batch, and its loss in double.
#pragma once

#include "cases.h"

namespace fuzz {

constexpr int64_t STEPS = 3;

// Both parameter tables with the optimiser's arrays.
struct Tables {
    Tables(Choices& c, const int64_t* n, int64_t d, Kind kind) {
        for (int s = 0; s < 2; ++s) {
            blocks.push_back(floats(c, n[s] * d, kind));
            for (const int64_t size : {n[s] * d, n[s] * d, n[s]}) {
                blocks.push_back(floats(c, size, TAME));
                for (float& each : blocks.back()) each = std::fabs(each);
            }
            sizes[s] = n[s];
        }
        for (const int at : {3, 7})
            for (float& each : blocks[at]) each = std::floor(4 * each);
    }

    void fill(fr::Table* tables) const {
        for (int s = 0; s < 2; ++s)
            tables[s] = {blocks[4 * s].get(), sizes[s], blocks[4 * s + 1].get(),
                         blocks[4 * s + 2].get(), blocks[4 * s + 3].get()};
    }

    std::vector<Block<float>> blocks;  // of users, then of items: rows, square, mean, count
    int64_t sizes[2];
};

inline bool same(const Tables& a, const Tables& b) {
    for (size_t k = 0; k < a.blocks.size(); ++k)
        if (!same(a.blocks[k], b.blocks[k])) return false;
    return true;
}

// Rows that no batch has are as they were.
inline void expect_kept(const Tables& before, const Tables& after, int s, int64_t d,
                        const std::vector<const Block<int64_t>*>& drawn) {
    std::vector<bool> touched(static_cast<size_t>(before.sizes[s]));
    for (const auto* rows : drawn)
        for (const int64_t row : *rows) touched[row] = true;
    for (int64_t row = 0; row < before.sizes[s]; ++row)
        for (int64_t column = 0; column < d && !touched[row]; ++column)
            for (const int at : {0, 1, 2})
                expect(same(before.blocks[4 * s + at][row * d + column],
                            after.blocks[4 * s + at][row * d + column]),
                       "a row that no batch has is as it was");
}

inline fr::Update update(Choices& c, bool plain) {
    const int64_t rule = plain ? fr::SGD : c.pick({fr::SGD, fr::ADAGRAD, fr::ADAM, fr::KEEP});
    return {rule, c.pick({0.1f, 1.0f, 0.0f, 1e-30f}), c.pick({0.0f, 0.01f, 1.0f}), 1e-8f,
            c.pick({0.9f, 0.0f}), c.pick({0.999f, 0.0f})};
}

inline double softplus(double x) { return std::max(x, 0.0) + std::log1p(std::exp(-std::fabs(x))); }

inline double product(const float* x, const float* y, int64_t d) {
    double total = 0;
    for (int64_t k = 0; k < d; ++k) total += double(x[k]) * y[k];
    return total;
}

inline double length(const float* x, int64_t d) {
    const double found = std::sqrt(product(x, x, d));
    return found > 1e-12 ? found : 1;
}

// The graph encoder of a case, of which the kernels write to `low`.
struct LowRank {
    LowRank(Choices& c, const int64_t* n, int64_t d, Kind kind)
        : rank(c.between(1, 20)), even(floats(c, rank, kind)), odd(floats(c, rank, kind)) {
        for (int s = 0; s < 2; ++s) {
            basis.push_back(floats(c, n[s] * rank, kind));
            low.push_back(floats(c, rank * d, kind));
            edges.emplace_back(c, n[s], n[1 - s], kind);
        }
    }
    fr::FactoredConfig config(const std::vector<Block<float>>& into) const {
        fr::FactoredConfig made{rank, 1, 0.5f, even.get(), odd.get(), {}, {}, {}, {}, {}};
        for (int s = 0; s < 2; ++s) {
            made.basis[s] = basis[s].get(), made.low[s] = into[s].get();
            made.indptr[s] = edges[s].indptr.get(), made.indices[s] = edges[s].indices.get();
            made.weights[s] = edges[s].weights.get();
        }
        return made;
    }
    int64_t rank;
    Block<float> even, odd;
    std::vector<Block<float>> basis, low;
    std::vector<Graph> edges;
};

// Sizes that are none: refused at once.
inline void refused_sizes(Choices& c) {
    const int64_t wrong = c.pick<int64_t>({0, -1, INT64_MIN, int64_t{1} << 31, INT64_MAX});
    Failure failure;
    void* steps;
    fr::PairConfig pair{};
    pair.batch = pair.dim = pair.threads = pair.n[0] = pair.n[1] = 1;
    (c.flag() ? pair.batch : pair.dim) = wrong;
    expect(fr_pair_open(&pair, &steps, &failure) == fr::OUT_OF_RANGE && !steps, "pair: a size refused");
    fr::NegativeConfig config{1, 1, 1, 1, fr::BPR, {1, 1}, 0, 1, 0};
    int64_t* const sizes[] = {&config.batch, &config.dim, &config.negatives};
    *sizes[c.below(3)] = wrong;
    expect(fr_negative_open(&config, &steps, &failure) == fr::OUT_OF_RANGE && !steps,
           "negative: a size refused");
    expect(fr_shared_open(&config, &steps, &failure) == fr::OUT_OF_RANGE && !steps,
           "shared: a size refused");
}

inline void check_pair_loss(const fr::PairConfig& config, const float* users, const float* items,
                            const int64_t* user_idx, const int64_t* item_idx, double found) {
    const int64_t d = config.dim;
    double total = 0;
    for (int64_t b = 0; b < config.batch; ++b) {
        const float *u = users + user_idx[b] * d, *v = items + item_idx[b] * d;
        const double score = product(u, v, d);
        total += config.objective == fr::LOG ? softplus(-score)
                                             : product(u, u, d) + product(v, v, d) - 2 * score;
    }
    expect(close(found, total / config.batch, double(d)), "pair: the loss");
}

inline void pair(Choices& c) {
    const bool factored = c.flag(4);
    fr::PairConfig config{};
    config.batch = c.flag(6) ? c.between(1, 300) : c.between(1, 60);
    config.dim = factored ? 16 * c.between(1, 3) : c.between(1, 40);
    config.balance = c.pick({fr::NONE, fr::DIRECT_SPEC, fr::DIRECT_SPEC_PLUS});
    config.objective = c.pick({fr::LOG, fr::EUCLIDEAN});
    config.alpha = c.pick({0.3f, 0.0f, 1.0f, -2.0f}), config.tau = c.pick({4.0f, 0.0f, 80.0f, 1.0f});
    config.tau_near = c.pick({1.0f, 0.0f, 80.0f}), config.shrink = c.pick({0.0f, 0.2f, 1.0f});
    config.near = c.flag(3);
    const int64_t n[2] = {c.between(1, 40), c.between(1, 40)}, d = config.dim;
    const bool by_graph = config.near && c.flag();
    std::vector<Graph> graphs;
    for (int s = 0; s < 2; ++s) {
        graphs.emplace_back(c, n[s], n[1 - s], TAME, 0);
        config.n[s] = n[s], config.n_neighbours[s] = by_graph ? n[1 - s] : n[s];
        if (!by_graph) continue;
        config.indptr[s] = graphs[s].indptr.get(), config.indices[s] = graphs[s].indices.get();
    }
    const Kind kind = c.kind();
    const Tables before(c, n, d, kind);
    const LowRank encoder(c, n, d, kind);
    const int64_t steps = c.between(1, STEPS), B = config.batch;
    const auto users = rows(c, steps * B, n[0]), items = rows(c, steps * B, n[1]);
    const auto given = floats(c, 2 * B * d, kind);
    const fr::Update rule = update(c, factored);
    const bool wrong = c.flag(10), whose = c.flag();
    if (wrong) spoil(c, whose ? users : items, n[whose ? 0 : 1]);
    Tables after[2] = {before, before};
    std::vector<Block<float>> low[2] = {encoder.low, encoder.low};
    Block<double> losses[2] = {Block<double>(steps), Block<double>(steps)};
    Block<float> grads[2] = {Block<float>(2 * B * d), Block<float>(2 * B * d)};
    double loss[2] = {0, 0};
    const Block<float> kept = given;
    for (const int at : {0, 1}) {
        config.threads = at ? 3 : 1;
        if (factored) config.factored = encoder.config(low[at]);
        Failure failure;
        void* handle;
        expect(fr_pair_open(&config, &handle, &failure) == fr::OK, "pair: opens");
        fr::Table tables[2];
        after[at].fill(tables);
        const int32_t status = fr_pair_run(handle, steps, tables, &rule, users.get(), items.get(),
                                           losses[at].get(), &failure);
        expect(status == (wrong ? fr::OUT_OF_RANGE : fr::OK), "pair: its status");
        if (!wrong && !factored)
            expect(fr_pair_gradients(handle, given.get(), users.get(), items.get(), grads[at].get(),
                                     &loss[at], &failure) == fr::OK,
                   "pair: gradients");
        fr_pair_close(handle);
    }
    expect(same(after[0], after[1]), "pair: the same tables with three threads");
    expect(same(losses[0], losses[1]), "pair: the same losses with three threads");
    expect(same(grads[0], grads[1]) && same(loss[0], loss[1]), "pair: the same gradients");
    expect(same(given, kept), "pair: given rows are as they were");
    for (int s = 0; s < 2; ++s) expect(same(low[0][s], low[1][s]), "pair: the same low-rank parts");
    if (wrong) {
        expect(same(before, after[0]), "pair: nothing written where a row is wrong");
        return;
    }
    for (int s = 0; s < 2 && !factored; ++s)
        expect_kept(before, after[0], s, d, {s ? &items : &users});
    if (kind != TAME || config.balance != fr::NONE || factored) return;
    check_pair_loss(config, before.blocks[0].get(), before.blocks[4].get(), users.get(), items.get(),
                    losses[0][0]);
    std::vector<int64_t> order(static_cast<size_t>(B));
    for (int64_t b = 0; b < B; ++b) order[b] = b;
    check_pair_loss(config, given.get(), given.get() + B * d, order.data(), order.data(), loss[0]);
}

inline double negative_loss(const fr::NegativeConfig& config, bool shared, const Tables& tables,
                            const int64_t* users, const int64_t* items, const int64_t* negatives) {
    const int64_t d = config.dim, N = config.negatives;
    double total = 0;
    for (int64_t b = 0; b < config.batch; ++b) {
        const float *u = tables.blocks[0].get() + users[b] * d, *rows = tables.blocks[4].get();
        const float* v = rows + items[b] * d;
        const bool cosine = config.objective == fr::CCL;
        const auto scored = [&](const float* x) {
            return product(u, x, d) / (cosine ? length(u, d) * length(x, d) : 1);
        };
        const double own = scored(v);
        if (config.objective == fr::BCE) total += softplus(-own);
        if (cosine) total += std::max(1 - own, 0.0);
        for (int64_t k = 0; k < N; ++k) {
            const double other = scored(rows + negatives[(shared ? 0 : b * N) + k] * d);
            if (cosine)
                total += config.weight / N * std::max(other - config.margin, 0.0);
            else
                total += softplus(other - (config.objective == fr::BPR ? own : 0));
        }
    }
    return total / config.batch;
}

inline void negative(Choices& c) {
    const bool shared = c.flag(3);
    fr::NegativeConfig config{};
    config.batch = c.flag(6) ? c.between(1, 200) : c.between(1, 30);
    config.dim = c.between(1, 40), config.negatives = c.between(1, 24);
    config.objective = shared ? fr::CCL : c.pick({fr::BPR, fr::BCE, fr::CCL});
    config.margin = c.pick({0.1f, 0.0f, -1.0f, 0.9f}), config.weight = c.pick({1.0f, 0.0f, 100.0f});
    config.dropout = c.pick({0.0, 0.2, 0.999});
    const int64_t n[2] = {c.between(1, 40), c.between(1, 40)}, d = config.dim;
    config.n[0] = n[0], config.n[1] = n[1];
    const Kind kind = c.kind();
    const Tables before(c, n, d, kind);
    const int64_t steps = c.between(1, STEPS), B = config.batch;
    const auto users = rows(c, steps * B, n[0]), items = rows(c, steps * B, n[1]);
    const auto drawn = rows(c, steps * (shared ? 1 : B) * config.negatives, n[1]);
    const bool keyed = config.objective == fr::CCL && c.flag();
    Block<uint64_t> keys(steps * B);
    for (uint64_t& key : keys) key = static_cast<uint64_t>(c.drawn(INT64_MAX));
    const fr::Update rule = update(c, false);
    const bool wrong = c.flag(10);
    const int64_t whose = c.below(3);
    if (wrong) spoil(c, whose == 0 ? users : whose == 1 ? items : drawn, n[whose ? 1 : 0]);
    Tables after[2] = {before, before};
    Block<double> losses[2] = {Block<double>(steps), Block<double>(steps)};
    for (const int at : {0, 1}) {
        config.threads = at ? 3 : 1;
        Failure failure;
        void* handle;
        expect((shared ? fr_shared_open : fr_negative_open)(&config, &handle, &failure) == fr::OK,
               "negative: opens");
        fr::Table tables[2];
        after[at].fill(tables);
        const int32_t status = (shared ? fr_shared_run : fr_negative_run)(
            handle, steps, tables, &rule, users.get(), items.get(), drawn.get(),
            keyed ? keys.get() : nullptr, losses[at].get(), &failure);
        expect(status == (wrong ? fr::OUT_OF_RANGE : fr::OK), "negative: its status");
        (shared ? fr_shared_close : fr_negative_close)(handle);
    }
    expect(same(after[0], after[1]), "negative: the same tables with three threads");
    expect(same(losses[0], losses[1]), "negative: the same losses with three threads");
    if (wrong) {
        expect(same(before, after[0]), "negative: nothing written where a row is wrong");
        return;
    }
    expect_kept(before, after[0], 0, d, {&users});
    expect_kept(before, after[0], 1, d, {&items, &drawn});
    if (kind != TAME || keyed) return;
    const double expected =
        negative_loss(config, shared, before, users.get(), items.get(), drawn.get());
    expect(close(losses[0][0], expected, expected + double(d) * config.negatives), "negative: the loss");
}

}  // namespace fuzz
