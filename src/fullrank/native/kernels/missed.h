// What dense Adam does to a row in the steps that do not draw it, at the cost of one step.
//
// A row that was drawn last in step t, with moments m and v, and missed K steps since, goes to
//   x - lr m sum_k w_k / (sqrt(v) + eps c_k),  m beta1^K,  v beta2^K,
//   c_k = sqrt(1 - beta2^(t+k)) / beta2^(k/2),  w_k = c_k beta1^k / (1 - beta1^(t+k)),  k = 1 to K.
// Two weights and factors with the moments M_j = sum_k w_k c_k^j, j = 0 to 3, stand for the sum:
//   M_j = F_j(t) - rho_j^K F_j(t + K),  rho_j = beta1 beta2^(-(j+1)/2),
//   F_j(t) = sum_(k >= 1) rho_j^k (1 - beta2^(t+k))^((j+1)/2) / (1 - beta1^(t+k)).
// `training/missed.py` has the derivation, and the same in torch.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <stdexcept>

#include "memory.h"

namespace fr {

class MissedSteps {
   public:
    struct Nodes {
        float weight[2], factor[2];  // sum_n weight_n / (sqrt(v) + eps factor_n)
        float mean, square;          // what is left of the moments
    };

    // The tails for these betas; one thread, before any other asks for nodes.
    void prepare(double beta1, double beta2) {
        if (beta1 == beta1_ && beta2 == beta2_) return;
        if (!(0 < beta1 && beta1 < beta2 * beta2 && beta2 < 1))
            throw std::invalid_argument("betas that are not 0 < beta1 < beta2^2 < 1");
        for (int j = 0; j < 4; ++j) ratio_[j] = beta1 * std::pow(beta2, -0.5 * (j + 1));
        end_ = static_cast<int64_t>(std::ceil(std::log(1e-17) / std::log(beta2)));
        const int64_t beyond =
            end_ + static_cast<int64_t>(std::ceil(std::log(1e-18) / std::log(ratio_[3])));
        tails_.resize(4 * (end_ + 1));
        double tail[4] = {};
        for (int64_t t = beyond - 1; t >= 0; --t) {
            const double first = -std::expm1((t + 1) * std::log(beta1));
            const double second = std::sqrt(-std::expm1((t + 1) * std::log(beta2)));
            double term = 1 / first;
            for (int j = 0; j < 4; ++j) {
                term *= second;
                tail[j] = ratio_[j] * (term + tail[j]);
                if (t <= end_) tails_[4 * t + j] = tail[j];
            }
        }
        beta1_ = beta1, beta2_ = beta2;
    }

    // Of a row drawn last in step `last`, before step `now` + 1.
    Nodes nodes(int64_t last, int64_t now) const {
        const double missed = static_cast<double>(now - last);
        const double *from = &tails_[4 * std::min(last, end_)], *to = &tails_[4 * std::min(now, end_)];
        double sum[4];
        for (int j = 0; j < 4; ++j) sum[j] = from[j] - std::pow(ratio_[j], missed) * to[j];
        const double total = sum[0], mean = sum[1] / total, second = sum[2] / total;
        const double spread = second - mean * mean;
        Nodes made{};
        made.mean = static_cast<float>(std::pow(beta1_, missed));
        made.square = static_cast<float>(std::pow(beta2_, missed));
        made.weight[0] = static_cast<float>(total);
        made.factor[0] = made.factor[1] = static_cast<float>(mean);
        if (spread <= ONE_NODE * mean * mean) return made;
        const double skew = sum[3] / total - 3 * mean * second + 2 * mean * mean * mean;
        const double half = skew / (2 * spread), root = std::sqrt(half * half + spread);
        const double share = (root - half) / (2 * root);
        made.weight[0] = static_cast<float>(share * total);
        made.weight[1] = static_cast<float>((1 - share) * total);
        made.factor[0] = static_cast<float>(mean + half + root);
        made.factor[1] = static_cast<float>(mean + half - root);
        return made;
    }

   private:
    static constexpr double ONE_NODE = 1e-10;  // relative spread, squared, of what one node stands for
    double beta1_ = 0, beta2_ = 0, ratio_[4] = {};
    int64_t end_ = 0;
    Array<double> tails_;
};

}  // namespace fr
