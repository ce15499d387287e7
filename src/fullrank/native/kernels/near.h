// Which rows of a batch share a neighbour on the interaction graph, as a matrix of bits.
#pragma once

#include <cstdint>
#include <cstring>
#include <memory>

#include "memory.h"

namespace fr {

template <int WIDTH>
inline void swap_bits(uint64_t* a, uint64_t mask) {
    for (int k = 0; k < 64; k += 2 * WIDTH)
        for (int i = k; i < k + WIDTH; ++i) {
            uint64_t swap = ((a[i] >> WIDTH) ^ a[i + WIDTH]) & mask;
            a[i] ^= swap << WIDTH;
            a[i + WIDTH] ^= swap;
        }
}

// One swap of halves, quarters and so on after the other: loops that the compiler makes vectors of.
inline void transpose64(uint64_t* a) {
    swap_bits<32>(a, 0x00000000FFFFFFFFull);
    swap_bits<16>(a, 0x0000FFFF0000FFFFull);
    swap_bits<8>(a, 0x00FF00FF00FF00FFull);
    swap_bits<4>(a, 0x0F0F0F0F0F0F0F0Full);
    swap_bits<2>(a, 0x3333333333333333ull);
    swap_bits<1>(a, 0x5555555555555555ull);
}

// A set of up to 64 * WORDS rows of a batch, within one cache line where it fits into one.
template <int WORDS>
struct alignas(WORDS < 8 ? 8 * WORDS : 64) Set {
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

    // Row b as bits, from the lowest of the first byte on.
    const uint8_t* row(long b) const { return reinterpret_cast<const uint8_t*>(&bits_[b * words_]); }

   protected:
    explicit Near(long words) : words_(words), bits_(words * 64 * words) {}

    // ORs the transpose into the matrix: `fill` has set the bits below the diagonal only.
    void add_transpose() {
        uint64_t block[64];
        for (long i = 0; i < words_; ++i)
            for (long j = 0; j <= i; ++j) {
                for (long r = 0; r < 64; ++r) block[r] = bits_[(i * 64 + r) * words_ + j];
                transpose64(block);
                for (long r = 0; r < 64; ++r) bits_[(j * 64 + r) * words_ + i] |= block[r];
            }
    }

    const long words_;
    Array<uint64_t> bits_;
};

// Keeps, for each node, the set of batch rows that have visited it.
template <int WORDS>
class NearOf : public Near {
   public:
    // indptr/indices: neighbours of each row; without them a row is only near to itself.
    NearOf(long batch, const int64_t* indptr, const int32_t* indices, long n_neighbours)
        : Near(WORDS), batch_(batch), indptr_(indptr), indices_(indices), been_(n_neighbours) {}

    void fill(const int64_t* idx) override {
        long visits = 0;
        for (long b = 0; b < batch_; ++b) {
            Set<WORDS> me = Set<WORDS>::only(b), seen = me;
            each(idx[b], [&](Set<WORDS>& been) {
                visit(been, me, seen);
                ++visits;
            });
            std::memcpy(&bits_[b * WORDS], &seen.bits, sizeof seen.bits);
        }
        forget(idx, visits);
        add_transpose();
    }

   private:
    // A sweep over all nodes runs at several times the pace of visits here and there.
    void forget(const int64_t* idx, long visits) {
        if (static_cast<long>(been_.size()) < SWEEP * visits) {
            std::memset(been_.data(), 0, been_.size() * sizeof(Set<WORDS>));
            return;
        }
        for (long b = 0; b < batch_; ++b)
            each(idx[b], [](Set<WORDS>& been) { been = Set<WORDS>{}; });
    }

    template <class Work>
    void each(int64_t row, const Work& work) {
        if (!indptr_) {
            work(been_[row]);
            return;
        }
        const int32_t *node = indices_ + indptr_[row], *end = indices_ + indptr_[row + 1];
        for (; node < end; ++node) work(been_[*node]);
    }

    static void visit(Set<WORDS>& been, const Set<WORDS>& me, Set<WORDS>& seen) {
        for (int w = 0; w < WORDS; ++w) {
            seen.bits[w] |= been.bits[w];
            been.bits[w] |= me.bits[w];
        }
    }

    static constexpr long SWEEP = 3;
    const long batch_;
    const int64_t* const indptr_;
    const int32_t* const indices_;
    Array<Set<WORDS>> been_;
};

constexpr long LARGEST_NEAR = 64 * 64;  // rows of a batch

template <int WORDS = 1>
std::unique_ptr<Near> near_of(long batch, const int64_t* indptr, const int32_t* indices,
                              long n_neighbours) {
    if (batch <= 64 * WORDS)
        return std::make_unique<NearOf<WORDS>>(batch, indptr, indices, n_neighbours);
    if constexpr (WORDS < 64) return near_of<2 * WORDS>(batch, indptr, indices, n_neighbours);
    return nullptr;
}

}  // namespace fr
