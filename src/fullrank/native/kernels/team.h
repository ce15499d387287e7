// Threads that work through the same steps side by side, with a barrier between phases.
#pragma once

#include <algorithm>
#include <atomic>
#include <exception>
#include <new>
#include <system_error>
#include <thread>
#include <vector>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace fr {

// Waits a little, in turn with a test of what is waited for. Spinning is quickest, but where others
// want the core it must be given up.
class Spin {
   public:
    void once() {
        if (++spins_ > 4096) {
            std::this_thread::yield();
            return;
        }
#if defined(__x86_64__)
        _mm_pause();
#elif defined(__aarch64__)
        asm volatile("yield");
#endif
    }

   private:
    int spins_ = 0;
};

// Thrown in a member that waits for one that failed; `team` catches it.
struct Stopped {};

class Barrier {
   public:
    // The members wait in `opened` until their number is known, which is not before all that can be
    // started have been.
    void open(int members) { members_.store(members, std::memory_order_release); }

    int opened() const {
        int members;
        for (Spin spin; (members = members_.load(std::memory_order_acquire)) == 0;) spin.once();
        return members;
    }

    void wait() {
        const int members = members_.load(std::memory_order_relaxed);
        if (members == 1) return;
        const long round = round_.load(std::memory_order_relaxed);
        if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == members) {
            arrived_.store(0, std::memory_order_relaxed);
            round_.store(round + 1, std::memory_order_release);
            return;
        }
        for (Spin spin; round_.load(std::memory_order_acquire) == round; spin.once())
            if (stopped_.load(std::memory_order_relaxed)) throw Stopped();
    }

    // A member that does not arrive any more says so, and those that wait for it leave.
    void stop() { stopped_.store(true, std::memory_order_relaxed); }

   private:
    std::atomic<int> members_{0}, arrived_{0};
    std::atomic<long> round_{0};
    std::atomic<bool> stopped_{false};
};

// Calls work(member, members, barrier) for every member of a team, one of which is the caller. A team
// has as many members as were asked for or, where the system refuses threads, as many as it grants.
// What a member throws is thrown here, after all have left.
template <class Work>
void team(long asked, const Work& work) {
    Barrier barrier;
    std::atomic<bool> failed{false};
    std::exception_ptr failure;
    const auto member = [&](int me) noexcept {
        try {
            work(me, barrier.opened(), barrier);
        } catch (const Stopped&) {  // another member says why
        } catch (...) {
            if (!failed.exchange(true)) failure = std::current_exception();
            barrier.stop();
        }
    };
    std::vector<std::thread> others;
    try {
        others.reserve(std::max(asked, 1L) - 1);
        for (int me = 1; me < asked; ++me) others.emplace_back(member, me);
    } catch (const std::system_error&) {  // as many as there are
    } catch (const std::bad_alloc&) {
    }
    barrier.open(1 + static_cast<int>(others.size()));
    member(0);
    for (auto& other : others) other.join();
    if (failure) std::rethrow_exception(failure);
}

struct Range {
    long begin, end;
};

// The part of n things that falls to a member; the parts are as even as can be.
inline Range share(long n, int member, int members) {
    return {n * member / members, n * (member + 1) / members};
}

}  // namespace fr
