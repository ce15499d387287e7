// Arguments for the kernels, made from a fuzzer's bytes: valid by contract, and strange.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <memory>
#include <vector>

#include "kernels.cpp"

namespace fuzz {

inline void expect(bool right, const char* what) {
    if (right) return;
    std::fprintf(stderr, "expected: %s\n", what);
    std::abort();
}

// How numbers are drawn: of usual size, from a few so that scores tie, or anything a float can be.
enum Kind { TAME, TIES, STRANGE };

// Takes choices from the front of the bytes; past their end every choice is the first. Arrays are too
// long to be taken so: a seed is, and they are drawn by it.
class Choices {
   public:
    Choices(const uint8_t* data, size_t size) : data_(data), size_(size) {}

    int64_t below(int64_t n) {
        uint64_t taken = byte();
        if (n > 256) taken |= static_cast<uint64_t>(byte()) << 8;
        return static_cast<int64_t>(taken % static_cast<uint64_t>(n));
    }
    int64_t between(int64_t low, int64_t high) { return low + below(high - low + 1); }
    bool flag(int64_t one_in = 2) { return below(one_in) == one_in - 1; }
    template <class T>
    T pick(std::initializer_list<T> options) {
        return options.begin()[below(static_cast<int64_t>(options.size()))];
    }
    Kind kind() { return pick({TAME, STRANGE, TIES, TAME}); }

    int64_t drawn(int64_t n) { return static_cast<int64_t>(next() % static_cast<uint64_t>(n)); }

    float number(Kind kind) {
        static constexpr float TIED[] = {0, 1, -1, 0.5f, -0.0f, 2, 1, 0};
        static constexpr float MAX = std::numeric_limits<float>::max(), SMALL = 1e-45f;
        static constexpr float INF = std::numeric_limits<float>::infinity(), NOT = NAN;
        static constexpr float ODD[] = {0, -0.0f, SMALL, -SMALL, 1e-38f, MAX, -MAX, INF,
                                        -INF, NOT, -NOT, 1e-12f, 1e19f, -1e19f, 1, 1e30f};
        const uint64_t bits = next();
        if (kind == TIES) return TIED[bits % 8];
        if (kind == STRANGE && bits % 5 == 0) return ODD[bits / 8 % 16];
        return static_cast<float>(bits >> 40) / (1 << 23) - 1;
    }

    void seed() {
        for (int k = 0; k < 3; ++k) state_ = state_ * 257 + byte() + 1;
    }

   private:
    uint8_t byte() {
        if (at_ >= size_) return 0;
        return data_[at_++];
    }
    uint64_t next() { return fr::mixed(state_ += 0x9e3779b97f4a7c15u); }

    const uint8_t* data_;
    size_t size_, at_ = 0;
    uint64_t state_ = 1;
};

// An array of exactly n elements, so that the address sanitizer sees the first step outside.
template <class T>
class Block {
   public:
    explicit Block(int64_t n = 0) : n_(n), data_(new T[static_cast<size_t>(n)]()) {}
    Block(const Block& other) : Block(other.n_) { std::copy(other.begin(), other.end(), begin()); }
    Block(Block&&) = default;
    Block& operator=(Block&&) = default;

    T* get() const { return data_.get(); }
    T* begin() const { return data_.get(); }
    T* end() const { return data_.get() + n_; }
    T& operator[](int64_t k) const { return data_[static_cast<size_t>(k)]; }
    int64_t size() const { return n_; }

   private:
    int64_t n_;
    std::unique_ptr<T[]> data_;
};

// Equal to the bit, or both not a number: which one is left to the machine.
template <class T>
bool same(T a, T b) {
    return std::memcmp(&a, &b, sizeof a) == 0 || (a != a && b != b);
}
template <class T>
bool same(const Block<T>& a, const Block<T>& b) {
    for (int64_t k = 0; k < a.size(); ++k)
        if (!same(a[k], b[k])) return false;
    return a.size() == b.size();
}

inline Block<float> floats(Choices& c, int64_t n, Kind kind) {
    Block<float> made(n);
    c.seed();
    for (float& each : made) each = c.number(kind);
    return made;
}

// Row numbers below `end`, of few distinct ones now and then.
inline Block<int64_t> rows(Choices& c, int64_t n, int64_t end) {
    Block<int64_t> made(n);
    const int64_t distinct = c.flag(3) ? std::min<int64_t>(end, 3) : end;
    c.seed();
    for (int64_t& each : made) each = end - 1 - c.drawn(distinct);
    return made;
}

// A ragged sparse matrix: rows without entries, a row with all, ascending columns.
struct Graph {
    Graph(Choices& c, int64_t n_rows, int64_t n_columns, Kind kind, int64_t padding = 16)
        : indptr(n_rows + 1), indices(0), weights(0), nnz(0) {
        std::vector<int32_t> columns;
        const int64_t most = c.pick<int64_t>({3, 0, 1, n_columns});
        c.seed();
        for (int64_t row = 0; row < n_rows; ++row) {
            const int64_t share = most >= n_columns ? (row % 3 ? 1 : n_columns) : c.drawn(most + 1);
            for (int64_t column = 0; column < n_columns; ++column)
                if (c.drawn(n_columns) < share) columns.push_back(static_cast<int32_t>(column));
            indptr[row + 1] = static_cast<int64_t>(columns.size());
        }
        nnz = static_cast<int64_t>(columns.size());
        indices = Block<int32_t>(nnz + padding);
        std::copy(columns.begin(), columns.end(), indices.begin());
        weights = floats(c, nnz, kind);
    }
    fr::Csr csr() const { return {indptr.get(), indices.get(), indptr.size() - 1, nnz}; }

    Block<int64_t> indptr;
    Block<int32_t> indices;
    Block<float> weights;
    int64_t nnz;
};

// Spoils one of some row numbers.
inline void spoil(Choices& c, const Block<int64_t>& of, int64_t end) {
    if (of.size() == 0) return;
    const int64_t wrong[] = {end, -1, INT64_MAX, INT64_MIN, end + 1, int64_t{1} << 32};
    of[c.below(std::min<int64_t>(of.size(), 60000))] = wrong[c.below(6)];
}

inline bool close(double found, double expected, double size) {
    return std::fabs(found - expected) <= 1e-4 * (1 + std::fabs(size));
}

}  // namespace fuzz
