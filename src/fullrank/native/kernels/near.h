// Which rows of a batch share a neighbour on the interaction graph, as a matrix of bits.
#pragma once

#include <cstdint>
#include <vector>

namespace fr {

inline void transpose64(uint64_t* a) {
    uint64_t mask = 0x00000000FFFFFFFFull;
    for (int width = 32; width; width >>= 1, mask ^= mask << width)
        for (int k = 0; k < 64; k = ((k | width) + 1) & ~width) {
            uint64_t swap = ((a[k] >> width) ^ a[k | width]) & mask;
            a[k] ^= swap << width;
            a[k | width] ^= swap;
        }
}

class Near {
   public:
    // indptr/indices: neighbours of each row; without them a row is only near to itself.
    Near(long batch, const int64_t* indptr, const int32_t* indices, long n_neighbours)
        : batch_(batch),
          words_((batch + 63) / 64),
          indptr_(indptr),
          indices_(indices),
          slot_(n_neighbours, -1),
          bits_(words_ * 64 * words_) {}

    const uint64_t* row(long b) const { return &bits_[b * words_]; }

    void fill(const int64_t* idx) {
        bits_.assign(bits_.size(), 0);
        for (long b = 0; b < batch_; ++b) {
            uint64_t* seen = &bits_[b * words_];
            seen[b / 64] |= 1ull << (b % 64);
            if (!indptr_) {
                visit(static_cast<int32_t>(idx[b]), b, seen);
                continue;
            }
            for (int64_t p = indptr_[idx[b]]; p < indptr_[idx[b] + 1]; ++p) visit(indices_[p], b, seen);
        }
        for (int32_t node : touched_) slot_[node] = -1;
        touched_.clear();
        masks_.clear();
        mirror();
    }

   private:
    // Adds to `seen` who came to this node before, and that b did.
    void visit(int32_t node, long b, uint64_t* seen) {
        int32_t& slot = slot_[node];
        if (slot < 0) {
            slot = static_cast<int32_t>(touched_.size());
            touched_.push_back(node);
            masks_.resize(masks_.size() + words_, 0);
        }
        uint64_t* mask = &masks_[slot * words_];
        for (long w = 0; w < words_; ++w) seen[w] |= mask[w];
        mask[b / 64] |= 1ull << (b % 64);
    }

    // So far each row knows the rows before it; those before learn of it here.
    void mirror() {
        uint64_t block[64];
        for (long i = 0; i < words_; ++i)
            for (long j = 0; j <= i; ++j) {
                for (long r = 0; r < 64; ++r) block[r] = bits_[(i * 64 + r) * words_ + j];
                transpose64(block);
                for (long r = 0; r < 64; ++r) bits_[(j * 64 + r) * words_ + i] |= block[r];
            }
    }

    const long batch_, words_;
    const int64_t* const indptr_;
    const int32_t* const indices_;
    std::vector<int32_t> slot_;  // of a node of the other side, in masks_, or -1
    std::vector<int32_t> touched_;
    std::vector<uint64_t> masks_;
    std::vector<uint64_t> bits_;
};

}  // namespace fr
