// What tools are answered: the hit path, and the way to the fetcher.
#pragma once

#include "cache/tiers.hpp"
#include "config/live_settings.hpp"
#include "server/async/byte_bound.hpp"
#include "server/fetch/fetcher.hpp"
#include "server/front/answer_writer.hpp"
#include "server/front/handler.hpp"
#include "server/front/read_answer.hpp"
#include "server/front/route.hpp"
#include "server/secrets/clients.hpp"
#include "server/secrets/credential.hpp"

#include <atomic>

namespace callcache
{

// Called on every front's loop; what it refers to may be used from any thread.
class lookup_handler final : public handler
{
public:
    struct parts
    {
        const live_settings& config;
        tiers& kept;
        partitions& known;
        fetcher& misses;
        const credential_holder* injected;  // null with `forward`
        const client_holder* clients;       // null unless tools show tokens
        const origin& upstream;
        const clock_source& clock;
        callcache::log& out;
        request_counts& counts;
        refused_tools& refused;
    };
    explicit lookup_handler(parts p) :
        parts_(p),
        answers_(p.config, p.clock, p.out, p.refused),
        held_bodies_(p.config->cache.memory_max / 8),
        copied_answers_(p.config->cache.memory_max / 8)
    {}

    bool answer_now(response_context&) override;
    task<void> answer(response_context&, conversation&) override;
    void refuse(const refused_head&, bool head_only, outgoing& out) override;
    void mistake(std::string_view what) override;
    void warn_of_tool(std::string_view text, std::string_view why, const std::string& address) override;

private:
    routed route_of(const request&) const;
    void recognize(const request&, const routed&, asker&) const;
    std::optional<reply> refusal(const request&, const routed&, const asker&) const;
    reply none_of_gongs(const request&, const routed&, const asker&) const;
    decision rule(const request&, const partition&, const entry* kept, wall_time now) const;
    lookup lookup_of(const response_context&, const routed&, entry_ptr seen, why) const;

    // A read of several calls (read_handler.cpp).
    task<void> answer_read(response_context&, const routed&, conversation&);
    task<bool> answer_parts(response_context&, const routed&, conversation&, std::shared_ptr<const read_terms>,
                            std::vector<read_part>&);
    struct missing_part
    {
        read_part* part;
        lookup what;
    };
    verdict decide_parts(const request&, const lookup& common, bool defers, std::vector<read_part>&,
                         std::vector<missing_part>&);
    task<void> fetch_missing(conversation&, std::vector<missing_part>);
    task<void> write_parts(response_context&, conversation&, call_view, const std::vector<read_part>&);

    task<entry_ptr> find_on_disk(const partition_ptr&, std::string_view name);
    task<void> forward(response_context&, const routed&, conversation&);
    task<bool> take_body(response_context&, conversation&);
    void write_not_kept(response_context&) const;

    const parts parts_;
    const answer_writer answers_;
    std::atomic<std::uint64_t> askers_{0};
    byte_bound held_bodies_, copied_answers_;

    // While a read of the disk is late, and none has returned since it began, nobody waits for another.
    std::atomic<std::uint64_t> reads_{0};             // that have returned
    std::atomic<std::uint64_t> reads_until_hang_{0};  // and the number of the one that is late
};

}  // namespace callcache
