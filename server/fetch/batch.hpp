// A bulk read: the lookup whose turn it is, the leader, takes others of its credential along, the followers, and its
// answer is distributed to them.
#pragma once

#include "server/fetch/miss_path.hpp"

#include <vector>

namespace callcache
{

// Fetch loop only. Whatever happens to it, each follower hears of it.
class batch
{
public:
    batch(miss_path&, lookup_flight& leader, std::vector<lookup_flight_ptr> followers);
    ~batch();
    batch(const batch&) = delete;
    batch& operator=(const batch&) = delete;

    // The leader's first.
    std::vector<std::string> ids() const;
    std::size_t size() const { return asked_; }

    // It is sent, by the leader's attempt.
    void note_sending();

    // To each follower its own call. What is not in the answer, and everything if there is none to be understood, needs
    // a GET of its own. If one of the calls may have spoiled all of them, or had the answer lost, they go again in bulk
    // reads of half the size, and a few that were lost alone. Returns the leader's share. Once.
    share distribute(const upstream_result&);

    // The same of a read by POST (read_batch.cpp). `is_tried_again`: there was no answer, and the retry budget allows
    // another attempt.
    share distribute_read(const upstream_result&, bool is_tried_again);

private:
    std::vector<lookup_flight*> all() const;
    void doubt(const std::string& why);
    void end(bulk_end, const std::string& why, std::size_t found);

    miss_path& path_;
    lookup_flight& leader_;
    partition& whose_;
    std::vector<lookup_flight_ptr> followers_;
    const std::size_t asked_;
    bool is_over_ = false;
};

// Lookups of one number may share a request; 0: it goes alone.
std::uint64_t batch_key_of(const miss_path&, const lookup_flight&);

// Right before the request of the leader is written: those that go with it, or null.
std::unique_ptr<batch> collect_batch(miss_path&, lookup_flight& leader);

// The reads that this one may go with. `apart`: 0, or the number of those whose requests go together after a refusal.
std::shared_ptr<const read_group> group_of(miss_path&, const lookup&, std::uint64_t apart = 0);

// A call that went alone has been answered. It may be the one that spoiled a bulk read.
void note_single(miss_path&, const lookup_flight&, const upstream_result&);

// A check has been answered, or not: compares the call with the one that a bulk read had.
void compare(miss_path&, const lookup_flight& check, const upstream_answer*);

}  // namespace callcache
