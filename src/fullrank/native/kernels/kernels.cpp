// What Python calls, by way of ctypes: plain functions on plain structs. Each returns a status and, if
// it is not OK, leaves the details in `failure`; `abi.py` turns both into a Python error.
#include "least_squares.h"
#include "negative.h"
#include "pair.h"
#include "propagate.h"
#include "sample.h"
#include "shared.h"
#include "topk.h"

using fr::Failure;

template <class Steps, class Config>
static int32_t opened(const Config* config, void** steps, Failure* failure) {
    *steps = nullptr;
    return fr::guarded(failure, [&] { *steps = new Steps(*config); });
}

extern "C" {

int32_t fr_pair_open(const fr::PairConfig* config, void** steps, Failure* failure) {
    return opened<fr::PairSteps>(config, steps, failure);
}

int32_t fr_pair_run(void* steps, int64_t count, const fr::Table* tables, const fr::Update* update,
                    const int64_t* users, const int64_t* items, double* losses, Failure* failure) {
    return fr::guarded(failure, [&] {
        static_cast<fr::PairSteps*>(steps)->run(count, tables, *update, users, items, losses);
    });
}

int32_t fr_pair_gradients(void* steps, float* rows, const int64_t* users, const int64_t* items,
                          float* grads, double* loss, Failure* failure) {
    return fr::guarded(failure, [&] {
        *loss = static_cast<fr::PairSteps*>(steps)->gradients(rows, users, items, grads);
    });
}

void fr_pair_close(void* steps) { delete static_cast<fr::PairSteps*>(steps); }

int32_t fr_negative_open(const fr::NegativeConfig* config, void** steps, Failure* failure) {
    return opened<fr::NegativeSteps>(config, steps, failure);
}

int32_t fr_negative_run(void* steps, int64_t count, const fr::Table* tables,
                        const fr::Update* update, const int64_t* users, const int64_t* items,
                        const int64_t* negatives, const uint64_t* keys, double* losses,
                        Failure* failure) {
    return fr::guarded(failure, [&] {
        static_cast<fr::NegativeSteps*>(steps)->run(count, tables, *update, users, items, negatives,
                                                    keys, losses);
    });
}

void fr_negative_close(void* steps) { delete static_cast<fr::NegativeSteps*>(steps); }

int32_t fr_shared_open(const fr::NegativeConfig* config, void** steps, Failure* failure) {
    return opened<fr::SharedSteps>(config, steps, failure);
}

int32_t fr_shared_run(void* steps, int64_t count, const fr::Table* tables, const fr::Update* update,
                      const int64_t* users, const int64_t* items, const int64_t* negatives,
                      const uint64_t* keys, double* losses, Failure* failure) {
    return fr::guarded(failure, [&] {
        static_cast<fr::SharedSteps*>(steps)->run(count, tables, *update, users, items, negatives,
                                                  keys, losses);
    });
}

void fr_shared_close(void* steps) { delete static_cast<fr::SharedSteps*>(steps); }

int32_t fr_gather_hop(const fr::Hop* hop, Failure* failure) {
    return fr::guarded(failure, [&] { fr::gather_hop(*hop); });
}

int32_t fr_scatter_hop(const fr::Hop* hop, Failure* failure) {
    return fr::guarded(failure, [&] { fr::scatter_hop(*hop); });
}

// Items in a panel: the table that `fr_pack` writes has a multiple of it.
int64_t fr_panel_items() { return fr::ITEMS; }

int32_t fr_pack(const float* table, int64_t n_items, int64_t dim, float* panels, int64_t threads,
                Failure* failure) {
    return fr::guarded(failure, [&] { fr::pack(table, n_items, dim, panels, threads); });
}

// `nan`: position in `users` of one with a score that is not a number, or -1.
int32_t fr_top_k(const fr::TopK* job, int64_t* nan, Failure* failure) {
    return fr::guarded(failure, [&] { *nan = fr::Search(*job).run(); });
}

int32_t fr_unpack(const int64_t* pairs, int64_t n_pairs, const int64_t* entries, int64_t n,
                  int64_t threads, int64_t* users, int64_t* items, Failure* failure) {
    return fr::guarded(failure,
                       [&] { fr::unpack(pairs, n_pairs, entries, n, threads, users, items); });
}

int32_t fr_observed(const fr::Csr* data, const int64_t* users, const int64_t* items, int64_t n,
                    uint8_t* found, Failure* failure) {
    return fr::guarded(failure, [&] { fr::observed(*data, users, items, n, found); });
}

int32_t fr_least_squares(const fr::LeastSquares* job, Failure* failure) {
    return fr::guarded(failure, [&] { fr::least_squares(*job); });
}

int32_t fr_gram(const float* table, int64_t n, int64_t dim, double* into, int64_t threads,
                Failure* failure) {
    return fr::guarded(failure, [&] { fr::gram(table, n, dim, into, threads); });
}

int32_t fr_rotate(const float* table, int64_t n, int64_t dim, const float* basis, float* into,
                  int64_t threads, Failure* failure) {
    return fr::guarded(failure, [&] { fr::rotate(table, n, dim, basis, into, threads); });
}
}
