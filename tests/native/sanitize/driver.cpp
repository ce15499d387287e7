// Runs every kernel that has threads with four of them, for the thread sanitizer: it ends with 1 at
// the first race. It checks no number but that a loss is finite; the tests in Python do.
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "kernels.cpp"

namespace {

constexpr int64_t THREADS = 4, USERS = 90, ITEMS = 70, DIM = 48, BATCH = 130, STEPS = 3;

struct Random {
    uint64_t state = 1;
    int64_t below(int64_t n) { return static_cast<int64_t>((state = fr::mixed(state + 1)) % n); }
    float number() { return static_cast<float>(below(2001) - 1000) / 10000; }
};

Random random_numbers;

std::vector<float> numbers(int64_t n) {
    std::vector<float> made(n);
    for (float& each : made) each = random_numbers.number();
    return made;
}

std::vector<int64_t> rows(int64_t n, int64_t below) {
    std::vector<int64_t> made(n);
    for (int64_t& each : made) each = random_numbers.below(below);
    return made;
}

void check(int32_t status, const Failure& failure, const char* name) {
    if (status == fr::OK) return;
    std::fprintf(stderr, "%s: status %d, %s\n", name, status, failure.text);
    std::exit(1);
}

// Four neighbours a row, with room to read ahead.
struct Graph {
    Graph(int64_t n, int64_t columns) : weights(numbers(4 * n)) {
        for (int64_t row = 0; row <= n; ++row) indptr.push_back(4 * row);
        for (int64_t row = 0; row < n; ++row)
            for (int64_t k = 0; k < 4; ++k)
                indices.push_back(static_cast<int32_t>((row + k * columns / 4) % columns));
        indices.resize(indices.size() + 16);
    }
    std::vector<int64_t> indptr;
    std::vector<int32_t> indices;
    std::vector<float> weights;
};

struct Sides {
    std::vector<float> users = numbers(USERS * DIM), items = numbers(ITEMS * DIM);
    std::vector<float> state[6] = {numbers(0), numbers(0), numbers(0),
                                   numbers(0), numbers(0), numbers(0)};
    std::vector<int64_t> last[2] = {std::vector<int64_t>(USERS), std::vector<int64_t>(ITEMS)};
    int64_t clock[2] = {};
    fr::Table tables[2];

    Sides() {
        const int64_t n[2] = {USERS, ITEMS};
        for (int s = 0; s < 2; ++s) {
            state[3 * s].assign(n[s] * DIM, 0);
            state[3 * s + 1].assign(n[s] * DIM, 0);
            state[3 * s + 2].assign(n[s], 0);
            tables[s] = {s ? items.data() : users.data(), n[s], state[3 * s].data(),
                         state[3 * s + 1].data(), state[3 * s + 2].data(), last[s].data(),
                         &clock[s]};
        }
    }
};

const fr::Update UPDATES[] = {{fr::SGD, 0.1f, 0.01f, 0, 0, 0},
                              {fr::ADAM, 0.01f, 0, 1e-8f, 0.9f, 0.999f},
                              {fr::DENSE_ADAM, 0.01f, 0, 1e-8f, 0.9f, 0.999f}};

void pairs(fr::PairConfig config) {
    Sides sides;
    Failure failure;
    void* steps;
    check(fr_pair_open(&config, &steps, &failure), failure, "pair_open");
    const auto users = rows(STEPS * BATCH, USERS), items = rows(STEPS * BATCH, ITEMS);
    double losses[STEPS], loss;
    for (const fr::Update& update : UPDATES)
        check(fr_pair_run(steps, STEPS, sides.tables, &update, users.data(), items.data(), losses,
                          &failure),
              failure, "pair_run");
    auto given = numbers(2 * BATCH * DIM), grads = numbers(2 * BATCH * DIM);
    if (!config.factored.rank)
        check(fr_pair_gradients(steps, given.data(), users.data(), items.data(), grads.data(), &loss,
                                &failure),
              failure, "pair_gradients");
    fr_pair_close(steps);
    if (!std::isfinite(losses[STEPS - 1])) std::exit(1);
}

void all_pairs() {
    Graph graph[2] = {{USERS, ITEMS}, {ITEMS, USERS}};
    for (int64_t balance : {fr::NONE, fr::DIRECT_SPEC, fr::DIRECT_SPEC_PLUS}) {
        fr::PairConfig config{};
        config.batch = BATCH, config.dim = DIM, config.threads = THREADS, config.balance = balance;
        config.alpha = 0.3f, config.tau = 4, config.tau_near = 1, config.shrink = 0.2f;
        config.n[0] = config.n_neighbours[1] = USERS;
        config.n[1] = config.n_neighbours[0] = ITEMS;
        pairs(config);
        config.distinct = 1;
        pairs(config);
        config.distinct = 0;
        config.objective = fr::EUCLIDEAN, config.near = 1;
        for (int s = 0; s < 2; ++s)
            config.indptr[s] = graph[s].indptr.data(), config.indices[s] = graph[s].indices.data();
        pairs(config);
        constexpr int64_t RANK = 7;
        auto even = numbers(RANK), odd = numbers(RANK);
        std::vector<float> basis[2] = {numbers(USERS * RANK), numbers(ITEMS * RANK)};
        std::vector<float> low[2] = {numbers(RANK * DIM), numbers(RANK * DIM)};
        config.factored = {RANK, 1, 0.5f, even.data(), odd.data(), {}, {}, {}, {}, {}};
        for (int s = 0; s < 2; ++s) {
            config.factored.basis[s] = basis[s].data(), config.factored.low[s] = low[s].data();
            config.factored.indptr[s] = graph[s].indptr.data();
            config.factored.indices[s] = graph[s].indices.data();
            config.factored.weights[s] = graph[s].weights.data();
        }
        pairs(config);
    }
}

void negatives(int64_t objective, bool shared) {
    constexpr int64_t N = 11;
    Sides sides;
    Failure failure;
    fr::NegativeConfig config{BATCH, DIM, N, THREADS, objective, {USERS, ITEMS}, 0.1f, 3, 0.2};
    void* steps;
    check((shared ? fr_shared_open : fr_negative_open)(&config, &steps, &failure), failure, "open");
    const auto users = rows(STEPS * BATCH, USERS), items = rows(STEPS * BATCH, ITEMS);
    const auto drawn = rows(STEPS * (shared ? 1 : BATCH) * N, ITEMS);
    const std::vector<uint64_t> keys(STEPS * BATCH, 5);
    double losses[STEPS];
    for (const fr::Update& update : UPDATES)
        check((shared ? fr_shared_run : fr_negative_run)(
                  steps, STEPS, sides.tables, &update, users.data(), items.data(), drawn.data(),
                  objective == fr::CCL ? keys.data() : nullptr, losses, &failure),
              failure, "run");
    (shared ? fr_shared_close : fr_negative_close)(steps);
    if (!std::isfinite(losses[STEPS - 1])) std::exit(1);
}

void searches() {
    constexpr int64_t MANY = 700, K = 9;
    Graph seen(USERS, ITEMS / 2);
    const auto user_table = numbers(USERS * DIM), item_table = numbers(ITEMS * DIM);
    Failure failure;
    const int64_t width = fr_panel_items();
    std::vector<float> panels((ITEMS + width - 1) / width * width * DIM);
    check(fr_pack(item_table.data(), ITEMS, DIM, panels.data(), THREADS, &failure), failure, "pack");
    const auto users = rows(MANY, USERS);
    std::vector<int32_t> found(MANY * K);
    std::vector<float> scores(MANY * K);
    for (int64_t u = 0; u < USERS; ++u)
        std::sort(&seen.indices[4 * u], &seen.indices[4 * u] + 4);
    const fr::Csr excluded{seen.indptr.data(), seen.indices.data(), USERS, 4 * USERS};
    fr::TopK job{DIM, ITEMS, MANY, K, THREADS, 1, USERS, user_table.data(), panels.data(),
                 users.data(), &excluded, nullptr, found.data(), scores.data()};
    int64_t nan;
    for (const int64_t some : {MANY, int64_t{3}}) {  // whole blocks for a thread; items shared
        job.n_users = some;
        check(fr_top_k(&job, &nan, &failure), failure, "top_k");
    }

    const auto packed = rows(MANY, int64_t{1} << 40), at = rows(40000, MANY);
    std::vector<int64_t> left(at.size()), right(at.size());
    check(fr_unpack(packed.data(), MANY, at.data(), at.size(), THREADS, left.data(), right.data(),
                    &failure),
          failure, "unpack");
}

void hops() {
    Graph graph(USERS, ITEMS);
    auto users = numbers(USERS * DIM), items = numbers(ITEMS * DIM);
    const auto some = rows(60, USERS);
    fr::Hop hop{};
    hop.n_rows = hop.n_graph = USERS, hop.dim = DIM, hop.threads = THREADS;
    hop.indptr = graph.indptr.data(), hop.indices = graph.indices.data();
    hop.weights = graph.weights.data();
    hop.from = items.data(), hop.into = users.data();
    Failure failure;
    check(fr_gather_hop(&hop, &failure), failure, "gather_hop");
    hop.n_rows = 60, hop.rows = some.data(), hop.from = users.data(), hop.into = items.data();
    check(fr_scatter_hop(&hop, &failure), failure, "scatter_hop");
}

void least_squares() {
    constexpr int64_t WIDE = 48;
    static_assert(WIDE % fr::W == 0);
    Graph graph(USERS, ITEMS);
    const auto items = numbers(ITEMS * WIDE), basis = numbers(WIDE * WIDE);
    std::vector<float> turned(ITEMS * WIDE), into(USERS * WIDE), ones(4 * USERS, 1.0f);
    std::vector<double> sums(WIDE * WIDE);
    std::vector<int64_t> order(USERS);
    for (int64_t u = 0; u < USERS; ++u) order[u] = USERS - 1 - u;
    graph.indptr[USERS] = 4 * USERS;
    Failure failure;
    check(fr_gram(items.data(), ITEMS, WIDE, sums.data(), THREADS, &failure), failure, "gram");
    check(fr_rotate(items.data(), ITEMS, WIDE, basis.data(), turned.data(), THREADS, &failure),
          failure, "rotate");
    fr::LeastSquares job{USERS, WIDE, THREADS, graph.indptr.data(), graph.indices.data(),
                         ones.data(), order.data(), ones.data(), ones.data(), turned.data(),
                         into.data()};
    check(fr_least_squares(&job, &failure), failure, "least_squares");
    for (int64_t u = 1; u < 70; ++u) graph.indptr[u] = 0;  // a row of more pairs than dimensions
    check(fr_least_squares(&job, &failure), failure, "least_squares");
    if (!std::isfinite(into[0])) std::exit(1);
}

// A member that throws between two barriers lets the others leave.
void failing_team() {
    for (int fails = 0; fails < THREADS; ++fails) {
        Failure failure;
        const int32_t status = fr::guarded(&failure, [&] {
            fr::team(THREADS, [&](int me, int, fr::Barrier& barrier) {
                for (int step = 0; step < 5; ++step) {
                    if (me == fails && step == 3) throw fr::NoRoom(17);
                    barrier.wait();
                }
            });
        });
        if (status != fr::NO_MEMORY || failure.bytes != 17) std::exit(1);
    }
}

}  // namespace

int main() {
    all_pairs();
    for (int64_t objective : {fr::BPR, fr::BCE, fr::CCL}) negatives(objective, false);
    negatives(fr::CCL, true);
    searches();
    hops();
    least_squares();
    failing_team();
    std::puts("no race");
}
