// What credentials that Gong has never accepted may cost: made-up ones must not spend the company's day.
//
// A bucket for all of them together, refilled by one in 15 minutes. Each request of theirs takes one out; it comes back
// unless Gong refuses the credential, so that new keys and daily tokens get in at their first try. One credential may
// be refused ten times in 24 hours.
#pragma once

#include "cache/digest.hpp"
#include "cache/time.hpp"
#include "config/budget_settings.hpp"

#include <map>
#include <utility>
#include <vector>

namespace callcache
{

// budget.newcomers, or where it is 0 a tenth of the day: at least 10, at most 100, and 100 without a daily limit.
std::uint64_t newcomers_max(const budget_settings&);

// Pure; one thread.
class newcomers
{
public:
    newcomers(const budget_settings& s, steady_time now) : max_(newcomers_max(s)), level_(double(max_)), filled_at_(now)
    {}

    void reconfigure(const budget_settings&, steady_time now);

    // How long until a request of this credential may be sent, if those that are on their way are refused only after a
    // second; zero: now.
    duration until_turn(const digest& credential, steady_time now) const;

    // What a request has taken out, from its sending to its outcome. Given back at its end, unless it is spent before.
    // The newcomers outlive it.
    class stake
    {
    public:
        stake() = default;
        stake(newcomers& of, const digest& credential, steady_time now);
        stake(stake&& other) noexcept : of_(std::exchange(other.of_, nullptr)), credential_(other.credential_) {}
        stake& operator=(stake&& other) noexcept
        {
            std::swap(of_, other.of_);
            std::swap(credential_, other.credential_);
            return *this;
        }
        ~stake();

        void spend(steady_time now);  // Gong has refused the credential

    private:
        newcomers* of_ = nullptr;
        digest credential_{};
    };

private:
    double level_at(steady_time now) const;

    std::uint64_t max_;
    double level_;  // at filled_at_
    std::size_t on_their_way_ = 0;
    steady_time filled_at_;
    std::map<digest, std::vector<steady_time>> refused_;  // of the last 24 hours, oldest first
};

}  // namespace callcache
