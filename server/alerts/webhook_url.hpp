// The address that alerts are sent to, as it stands in the file of alerts.webhook_file. It is a secret: Slack's holds a
// token in its path.
#pragma once

#include "config/address.hpp"
#include "config/settings.hpp"

#include <string>
#include <string_view>
#include <variant>

namespace callcache
{

struct webhook_url
{
    origin receiver;
    std::string target;  // "/services/T0/B0/x?y", what stands in the request line
};

// Reads one line. The string: the operator's line, without the key and without the address.
//
// Never upstream's own host and port: an alert would be an API call that nobody has counted. http:// only towards
// loopback, unless upstream.insecure allows it.
std::variant<webhook_url, std::string> parse_webhook(std::string_view line, const upstream_settings&);

}  // namespace callcache
