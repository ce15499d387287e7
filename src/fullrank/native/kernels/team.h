// Threads that work through the same steps side by side, with a barrier between phases.
#pragma once

#include <atomic>
#include <thread>
#include <vector>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace fr {

inline void rest() {
#if defined(__x86_64__)
    _mm_pause();
#endif
}

class Barrier {
   public:
    explicit Barrier(int members) : members_(members) {}

    void wait() {
        if (members_ == 1) return;
        long round = round_.load(std::memory_order_relaxed);
        if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == members_) {
            arrived_.store(0, std::memory_order_relaxed);
            round_.store(round + 1, std::memory_order_release);
            return;
        }
        // Spinning is quickest, but where others want the core it must be given up.
        for (int spin = 0; round_.load(std::memory_order_acquire) == round; ++spin)
            if (spin < 4096)
                rest();
            else
                std::this_thread::yield();
    }

   private:
    const int members_;
    std::atomic<int> arrived_{0};
    std::atomic<long> round_{0};
};

// Calls work(member, barrier) for every member of a team, one of which is the caller.
template <class Work>
void team(int members, const Work& work) {
    Barrier barrier(members);
    std::vector<std::thread> others;
    for (int member = 1; member < members; ++member)
        others.emplace_back([&work, &barrier, member] { work(member, barrier); });
    work(0, barrier);
    for (auto& other : others) other.join();
}

struct Range {
    long begin, end;
};

// The part of n things that falls to a member; the parts are as even as can be.
inline Range share(long n, int member, int members) {
    return {n * member / members, n * (member + 1) / members};
}

}  // namespace fr
