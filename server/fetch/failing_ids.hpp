// What the vendor says of one id again and again: a 400, 403, 410 or 500 in its shape is remembered for as long as a
// 404 would be, and answered from here. A tool that asks for a bad id in a loop spends nothing of the day.
#pragma once

#include "cache/digest.hpp"
#include "cache/entry.hpp"
#include "cache/epoch.hpp"
#include "config/settings.hpp"
#include "server/upstream/answer.hpp"

#include <map>
#include <memory>
#include <string>
#include <utility>

namespace callcache
{

// In memory alone, of a bounded number of ids. Pure; one thread.
class failing_ids
{
public:
    struct known
    {
        entry times;  // as of a 404: when it was asked for, first and last, and for how long that holds
        std::shared_ptr<const upstream_answer> answer;
        epoch_ticket ticket{};  // taken when it was asked for
    };

    // The vendor's answer to a request for `id` (or a kept route's target) under this credential. A large one is not
    // remembered.
    void failed(const digest& credential, const std::string& id, known, const calls_settings&);

    void forget(const digest& credential, const std::string& id) { known_.erase({credential, id}); }

    // Null if nothing is known of it. Whether it still holds is the caller's to see: by its times, and by its ticket.
    const known* find(const digest& credential, const std::string& id) const;

private:
    static constexpr std::size_t known_max = 1024, body_bytes_max = 4096;

    std::map<std::pair<digest, std::string>, known> known_;
};

}  // namespace callcache
