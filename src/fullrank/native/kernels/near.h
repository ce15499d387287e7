// Which rows of a batch share a neighbour on the interaction graph, as a matrix of bits.
#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
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

// A set of up to 64 * WORDS rows of a batch.
template <int WORDS>
struct Set {
    uint64_t bits[WORDS];

    static Set only(long b) {
        Set set{};
        set.bits[b / 64] = 1ull << (b % 64);
        return set;
    }
};

class Near {
   public:
    virtual ~Near() = default;
    virtual void fill(const int64_t* idx) = 0;
    const uint64_t* row(long b) const { return &bits_[b * words_]; }

   protected:
    explicit Near(long words) : words_(words), bits_(words * 64 * words) {}

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

    const long words_;
    std::vector<uint64_t> bits_;
};

// Remembers, for each node, which rows of the batch have been there.
template <int WORDS>
class NearOf : public Near {
   public:
    // indptr/indices: neighbours of each row; without them a row is only near to itself.
    NearOf(long batch, const int64_t* indptr, const int32_t* indices, long n_neighbours)
        : Near(WORDS), batch_(batch), indptr_(indptr), indices_(indices), been_(n_neighbours) {}

    void fill(const int64_t* idx) override {
        for (long b = 0; b < batch_; ++b) {
            Set<WORDS> me = Set<WORDS>::only(b), seen = me;
            if (!indptr_) {
                visit(been_[idx[b]], me, seen);
            } else {
                const int32_t *node = indices_ + indptr_[idx[b]], *end = indices_ + indptr_[idx[b] + 1];
                for (; node < end; ++node) {
                    if (node + 16 < end) __builtin_prefetch(&been_[node[16]], 1);
                    visit(been_[*node], me, seen);
                }
            }
            std::memcpy(&bits_[b * WORDS], &seen.bits, sizeof seen.bits);
        }
        for (long b = 0; b < batch_; ++b) {
            if (!indptr_) {
                been_[idx[b]] = Set<WORDS>{};
                continue;
            }
            for (int64_t p = indptr_[idx[b]]; p < indptr_[idx[b] + 1]; ++p)
                been_[indices_[p]] = Set<WORDS>{};
        }
        mirror();
    }

   private:
    static void visit(Set<WORDS>& been, const Set<WORDS>& me, Set<WORDS>& seen) {
        for (int w = 0; w < WORDS; ++w) {
            seen.bits[w] |= been.bits[w];
            been.bits[w] |= me.bits[w];
        }
    }

    const long batch_;
    const int64_t* const indptr_;
    const int32_t* const indices_;
    std::vector<Set<WORDS>> been_;
};

template <int WORDS = 1>
std::unique_ptr<Near> near_of(long batch, const int64_t* indptr, const int32_t* indices,
                              long n_neighbours) {
    if (batch <= 64 * WORDS)
        return std::make_unique<NearOf<WORDS>>(batch, indptr, indices, n_neighbours);
    if constexpr (WORDS < 64) return near_of<2 * WORDS>(batch, indptr, indices, n_neighbours);
    return nullptr;
}

}  // namespace fr
