// What Python calls, by way of ctypes: plain functions on plain structs.
#include "negative.h"
#include "pair.h"
#include "propagate.h"
#include "sample.h"
#include "shared.h"
#include "topk.h"

#include <new>

// New steps, or null where there is no room for them.
template <class Steps, class Config>
void* opened(const Config& config) {
    try {
        return new Steps(config);
    } catch (const std::bad_alloc&) {
        return nullptr;
    }
}

extern "C" {

void* fr_pair_open(const fr::PairConfig* config) { return opened<fr::PairSteps>(*config); }

void fr_pair_run(void* steps, int64_t count, const fr::Table* tables, const fr::Update* update,
                 const int64_t* users, const int64_t* items, double* losses) {
    static_cast<fr::PairSteps*>(steps)->run(count, tables, *update, users, items, losses);
}

double fr_pair_gradients(void* steps, float* rows, const int64_t* users, const int64_t* items,
                         float* grads) {
    return static_cast<fr::PairSteps*>(steps)->gradients(rows, users, items, grads);
}

void fr_pair_close(void* steps) { delete static_cast<fr::PairSteps*>(steps); }

void* fr_negative_open(const fr::NegativeConfig* config) { return opened<fr::NegativeSteps>(*config); }

void fr_negative_run(void* steps, int64_t count, const fr::Table* tables, const fr::Update* update,
                     const int64_t* users, const int64_t* items, const int64_t* negatives,
                     const uint64_t* keys, double* losses) {
    static_cast<fr::NegativeSteps*>(steps)->run(count, tables, *update, users, items, negatives, keys,
                                                losses);
}

void fr_negative_close(void* steps) { delete static_cast<fr::NegativeSteps*>(steps); }

void* fr_shared_open(const fr::NegativeConfig* config) { return opened<fr::SharedSteps>(*config); }

void fr_shared_run(void* steps, int64_t count, const fr::Table* tables, const fr::Update* update,
                     const int64_t* users, const int64_t* items, const int64_t* negatives,
                     const uint64_t* keys, double* losses) {
    static_cast<fr::SharedSteps*>(steps)->run(count, tables, *update, users, items, negatives, keys,
                                                losses);
}

void fr_shared_close(void* steps) { delete static_cast<fr::SharedSteps*>(steps); }

void fr_gather_hop(const fr::Hop* hop) { fr::gather_hop(*hop); }

void fr_spread_hop(const fr::Hop* hop) { fr::spread_hop(*hop); }

int64_t fr_panel_items() { return fr::ITEMS; }

// 0, or 1 where a thread or memory was refused.
int64_t fr_pack(const float* table, int64_t n_items, int64_t dim, float* panels, int64_t threads) {
    try {
        fr::pack(table, n_items, dim, panels, static_cast<int>(threads));
        return 0;
    } catch (...) {
        return 1;
    }
}

int64_t fr_top_k(const fr::TopK* job) { return fr::Search(*job).run(); }

void fr_unpack(const int64_t* pairs, const int64_t* cells, int64_t n, int64_t threads,
               int64_t* users, int64_t* items) {
    fr::unpack(pairs, cells, n, static_cast<int>(threads), users, items);
}

void fr_observed(const int64_t* indptr, const int32_t* indices, const int64_t* users,
                 const int64_t* items, int64_t n, uint8_t* found) {
    fr::observed(indptr, indices, users, items, n, found);
}
}
