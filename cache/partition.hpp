// Whose entry it is. A credential's entries are a world of their own: another credential, another upstream, another
// file, and nothing is found.
//
// The access keys that `credentials.company_keys` lists share one further partition, the company's, and each keeps its
// own: its trust, which alone says whether it may read, and what the vendor said to it alone
// (cache/private_overrides.hpp). The company's is named after the first key of the list: with another company's keys in
// its place nothing is found.
//
// The name of a partition is HMAC-SHA-256(salt in the file, upstream origin ‖ scheme ‖ credential), so that neither the
// file nor a log can be turned back into a credential.
#pragma once

#include "cache/digest.hpp"
#include "cache/entry.hpp"
#include "cache/time.hpp"

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace callcache
{

// What the store keeps of a partition.
struct partition_record
{
    partition_id id = 0;
    digest name{};
    std::optional<wall_time> confirmed_at;  // when the vendor last accepted the credential; nothing: refused since
    wall_time used_at{};
    wall_time no_bulk_until{};  // the vendor refused its bulk reads, or they were wrong
};

// Any thread may read and write it. A connection remembers the partition of its credential, and every hit reads
// `confirmed_at` anew, so that a revocation holds from the next request on.
class partition
{
public:
    explicit partition(const digest& name) : name_(name) {}

    const digest& name() const { return name_; }

    // 0 until it is enrolled. Made from the name, so that no other credential can ever have the same: not after the row
    // was lost, not in another file.
    partition_id id() const { return id_.load(std::memory_order_acquire); }
    static partition_id id_of(const digest& name);

    // When the vendor last accepted the credential.
    std::optional<wall_time> confirmed_at() const;

    // It accepted, or refused, a request that was sent at `sent_at`. The word on the request that was sent later
    // counts, in whichever order the two arrive. One thread at a time: the fetcher's.
    void confirm(wall_time sent_at);
    void refuse(wall_time sent_at);

    // It accepted the credential for a request that passed through. That is no reason to trust it with what is kept.
    // Same thread.
    void accept() { accepted_ = true; }

    // The vendor has accepted it for something, and not refused it since. Same thread.
    bool is_accepted() const { return accepted_ || confirmed_at(); }

    wall_time used_at() const { return from_micros(used_at_.load(std::memory_order_relaxed)); }
    void use(wall_time at) { used_at_.store(to_micros(at), std::memory_order_relaxed); }

    // The one that this credential shares; null if it shares none.
    const std::shared_ptr<partition>& company() const { return company_; }

    // Until then the vendor is not asked for several calls at once under it.
    wall_time no_bulk_until() const { return from_micros(no_bulk_until_.load(std::memory_order_relaxed)); }
    void stop_bulk_until(wall_time t) { no_bulk_until_.store(to_micros(t), std::memory_order_relaxed); }

    partition_record record() const { return {id(), name_, confirmed_at(), used_at(), no_bulk_until()}; }

private:
    friend class partitions;

    const digest name_;
    std::atomic<partition_id> id_{0};
    std::atomic<std::int64_t> confirmed_at_{0};  // 0: not, or refused since
    wall_time refused_at_{};
    bool accepted_ = false;  // of this process
    std::atomic<std::int64_t> used_at_{0}, no_bulk_until_{0};
    std::shared_ptr<partition> company_;  // set before anybody but `partitions` knows this one
};

using partition_ptr = std::shared_ptr<partition>;

// All partitions that are known or in use. Any thread; short locks.
class partitions
{
public:
    // `salt` and `kept` come from the store.
    partitions(std::string salt, std::string upstream_origin, const std::vector<partition_record>& kept,
               std::vector<std::string> company_keys = {});

    // The partition of a credential, made if it is new. `scheme` is in lower case; `access_key` is empty if it has
    // none. Those that are not in use are forgotten when there are many: first those that the vendor never accepted,
    // then those used longest ago. Such a credential is asked for again, and then reads what was kept under it.
    partition_ptr of(std::string_view scheme, std::string_view credential, std::string_view access_key = {});

    // A further one of this credential, for what the vendor allows it apart from calls: `what` says which.
    partition_ptr further(std::string_view what, std::string_view scheme, std::string_view credential);

    // Where the credential of a further partition has its calls; null for one that is no further one, or whose
    // credential was not seen since the start.
    partition_ptr calls_of(const partition&) const;

    // Gives `p` its id, so that entries can be kept under it. True if it is new and must be stored.
    bool enroll(partition& p);

    std::vector<partition_ptr> all() const;

private:
    void forget_some();

    struct digest_hash
    {
        std::size_t operator()(const digest& d) const;
    };

    digest name_of(std::string_view scheme, std::string_view credential) const;

    const std::string salt_;
    const std::string origin_;
    const std::vector<std::string> company_keys_;
    partition_ptr company_;  // null: none
    mutable std::mutex mutex_;
    std::unordered_map<digest, partition_ptr, digest_hash> known_;
    std::unordered_map<digest, digest, digest_hash> calls_of_;  // of further ones that are known
};

}  // namespace callcache
