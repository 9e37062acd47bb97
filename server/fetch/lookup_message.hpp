// What the vendor is sent for a lookup: callcache's own fixed fields, and the credential.
#pragma once

#include "config/address.hpp"
#include "server/fetch/lookup.hpp"

#include <string>
#include <vector>

namespace callcache
{

// The GET of one call, or of a kept route.
std::string lookup_message(const origin& upstream, const lookup&);

// One bulk read for these ids, under the lookup's credential.
std::string bulk_message(const origin& upstream, const lookup&, const std::vector<std::string>& ids);

// One read of these calls, on the lookup's terms.
std::string read_message(const origin& upstream, const lookup&, const std::vector<std::string>& ids);

}  // namespace callcache
