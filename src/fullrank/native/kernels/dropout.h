// Dropout whose mask is a function of a key of the row: it depends neither on the order of the work
// nor on where a run was stopped. `fullrank.training.dropout` draws the same mask.
#pragma once

#include <cstdint>

namespace fr {

// The finaliser of splitmix64 (Steele et al., OOPSLA 2014).
inline uint64_t mixed(uint64_t x) {
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

class Dropout {
   public:
    explicit Dropout(double share)
        : below_(static_cast<uint64_t>(share * 4294967296.0)), scale_(1 / (1 - share)) {}

    bool none() const { return below_ == 0; }

    // Sets the dropped numbers to zero and scales the others by 1 / (1 - share): the mean stays.
    void apply(uint64_t key, float* row, long d) const {
        for (long c = 0; c < d; ++c) {
            const uint64_t bits = mixed(key + (c + 1) * 0x9e3779b97f4a7c15u);
            row[c] = bits >> 32 >= below_ ? row[c] * scale_ : 0.0f;
        }
    }

   private:
    const uint64_t below_;
    const float scale_;
};

}  // namespace fr
