// What the next request for a call would be answered, and why.
//
// It is decided by what decides the request itself: decide(), trust_at(), serves_on_error(), and what the fetcher says
// of the way upstream. So it cannot disagree; only what happens in between can.
#pragma once

#include "cache/erasure.hpp"
#include "cache/trust.hpp"
#include "config/settings.hpp"
#include "server/fetch/lookup.hpp"

#include <optional>
#include <string>
#include <vector>

namespace callcache
{

// What is known under one credential.
struct known_copy
{
    std::string credential;  // "#5f0c9a": a name that says nothing of it
    std::optional<wall_time> confirmed_at;
    entry_ptr kept;  // null: nothing
    forecast ahead;  // of its lookup
};

// What is known of another view of a call. The entry has no bytes, and its times are those by which it is served.
struct known_view
{
    std::string name;  // as it is kept: the id with a query
    known_copy copy;
};

struct circumstances
{
    std::string name;                // the call's id, or the kept route's target
    std::string tool;                // who would ask; empty: one that has asked nothing yet
    std::vector<known_copy> copies;  // those where something is kept; the one that was confirmed last first
    std::vector<known_view> views;   // of a call: its others
    std::string stranger;            // without copies: the credential that was confirmed last, or empty
    std::optional<wall_time> stranger_confirmed_at;
    forecast ahead;  // of a lookup under that, or under one that was never seen
    erasure_record erasure;
};

struct next_answer
{
    outcome word = outcome::error;
    std::string_view detail;  // more than the word says, or empty
    duration wait{};          // until it is sent
};

// With the tool's directives as a plain GET has them.
next_answer foretell(const entry* kept, trust, const forecast&, const settings&, wall_time now);

// GET /explain/{id}: JSON. Times of day are in seconds since 1970.
std::string explanation_document(const circumstances&, const settings&, wall_time now);

// "#5f0c9a"
std::string opaque_name(const partition&);

}  // namespace callcache
