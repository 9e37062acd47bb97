// Which address of a name is tried when: Happy Eyeballs (RFC 8305).
//
// The families take turns (section 4), so that a family without a way out costs one attempt and not all of them. The
// next address is tried 250 ms after the one before (section 5), or at once when one has failed. The address that
// carried the last connection comes first. The one that accepted a connection last and then failed (in TLS, or at the
// company's proxy) comes last: a race that TCP alone decides would choose it each time.
#pragma once

#include "cache/time.hpp"
#include "server/async/net.hpp"

#include <optional>
#include <vector>

namespace callcache
{

// What earlier connections taught.
struct address_lessons
{
    std::optional<tcp::endpoint> worked, failed;
};

// `resolved` as the name service ordered it (RFC 6724).
std::vector<tcp::endpoint> order_of_attempts(const std::vector<tcp::endpoint>& resolved, const address_lessons&);

// The times of the attempts, which are numbered from 0. Pure.
class attempt_pace
{
public:
    static constexpr std::chrono::milliseconds delay{250};

    explicit attempt_pace(std::size_t count) : count_(count) {}

    // The attempt that begins now; nullopt if it is not time yet, or none is left.
    std::optional<std::size_t> next(steady_time now);

    // When next() has another one; nullopt if none is left.
    std::optional<steady_time> due() const;

    // One that had begun has failed.
    void failed();
    bool is_over() const { return failed_ == count_; }

private:
    const std::size_t count_;
    std::size_t begun_ = 0, failed_ = 0;
    steady_time due_ = steady_time::min();
};

}  // namespace callcache
