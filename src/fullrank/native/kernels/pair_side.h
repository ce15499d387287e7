// One side, users or items, of a batch of observed pairs: its sizes and its work space.
#pragma once

#include <algorithm>
#include <memory>

#include "factored.h"
#include "gemm.h"
#include "memory.h"
#include "near.h"
#include "rows.h"

namespace fr {

enum Balance : int64_t { NONE = 0, DIRECT_SPEC = 1, DIRECT_SPEC_PLUS = 2 };
enum Objective : int64_t { LOG = 0, EUCLIDEAN = 1 };

struct PairConfig {
    int64_t batch, dim, threads, balance, objective;
    float alpha, tau, tau_near, shrink;
    int64_t near;      // 0: one tau; 1: by the graph below
    int64_t distinct;  // 1: the balance takes a row that the batch repeats once
    int64_t n[2], n_neighbours[2];
    const int64_t* indptr[2];  // null: a row is near to itself alone
    const int32_t* indices[2];
    FactoredConfig factored;
};

constexpr long BLOCK = 8 * TILE_ROWS;  // rows of a batch that are worked on at a time

struct PairSizes {
    explicit PairSizes(const PairConfig& config)
        : B_(config.batch),
          d_(config.dim),
          D_(padded(config.dim)),
          ld_(padded(config.batch) + W),
          blocks_((B_ + BLOCK - 1) / BLOCK) {}

    const long B_, d_;  // pairs, width
    const long D_;      // width in whole vectors: what lies beyond d is zero
    const long ld_;     // leading dimension of matrices with a column for each pair
    const long blocks_;
};

// (B, D) row-major unless another shape is said. Names are those of the formulas in `balance_plus.h`.
struct PairSide : PairSizes {
    PairSide(const PairConfig& config, int s)
        : PairSizes(config),
          x(B_ * D_), h(B_ * D_), z(B_ * D_), raw(B_ * D_), y(B_ * D_),
          g(B_ * D_), gp(B_ * D_), dx(B_ * D_),
          ht(D_ * ld_),
          e(squared(config)), a(squared(config)),
          norm(B_), r(B_), q(ld_), weight(ld_),
          cov(D_ * D_), cross(D_ * D_), sym(D_ * D_),
          wht(config.distinct && config.balance == DIRECT_SPEC ? D_ * ld_ : 0),
          gradients(std::min(config.batch, config.n[s]), config.dim) {
        if (config.near)
            near = near_of(B_, config.indptr[s], config.indices[s], config.n_neighbours[s]);
    }

    // Numbers the distinct rows of a batch, and weighs each occurrence for a balance that takes them
    // once: 1 / its row's occurrences. One thread.
    void start(const int64_t* idx, bool distinct) {
        gradients.start(idx, B_);
        if (distinct)
            for (long b = 0; b < B_; ++b) *weight.at(b) = 1 / gradients.occurrences(b);
    }

    Floats x, h;             // rows, and unit rows H
    Floats z, raw;           // Z, and Z before its rescaling, where it has one
    Floats y, g, gp, dx;     // Y, G, G', and dH or dX
    Floats ht;               // (D, ld), H^T
    Floats e, a;             // (padded(B), ld), E and A, of directspec+
    Floats norm, r, q;       // (B,) and (ld,)
    Floats weight;           // (ld,), where rows count once; 0 beyond the batch
    Floats cov, cross, sym;  // (D, D), of directspec
    Floats wht;              // (D, ld), H^T W, of directspec where rows count once
    Gradients gradients;
    std::unique_ptr<Near> near;

   private:
    long squared(const PairConfig& config) const {
        return config.balance == DIRECT_SPEC_PLUS ? padded(B_) * ld_ : 0;
    }
};

}  // namespace fr
