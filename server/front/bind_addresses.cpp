#include "server/front/bind_addresses.hpp"

#include "config/address.hpp"
#include "server/front/listener.hpp"

#include <boost/asio/ip/v6_only.hpp>

namespace callcache
{

std::variant<bound_sockets, std::string> bind_addresses(const std::vector<std::string>& addresses, executor loop)
{
    bound_sockets all;
    for (const std::string& text : addresses)
    {
        auto at = parse_host_port(text);
        std::string trouble = "no such address";
        const std::size_t before = all.size();
        for (const tcp::endpoint& e : at ? endpoints_of(*at) : std::vector<tcp::endpoint>())
        {
            bound_sockets::value_type socket(loop);
            error_code error;
            socket.open(e.protocol(), error);
            if (!error) socket.set_option(tcp::acceptor::reuse_address(true), error);
            if (!error && e.address().is_v6()) socket.set_option(asio::ip::v6_only(true), error);
            if (!error) socket.bind(e, error);
            // One loopback address without the other is a machine without IPv6; a taken port is never that.
            if (error == boost::system::errc::address_in_use) return port_is_taken(e);
            if (error)
                trouble = error.message();
            else
                all.push_back(std::move(socket));
        }
        if (all.size() == before) return "cannot listen on " + text + ": " + trouble;
    }
    return all;
}

std::string port_is_taken(const tcp::endpoint& e)
{
    return "cannot listen on " + to_text(e) +
           ": the port is taken. Is callcache running already? Another port: --listen HOST:PORT, --admin HOST:PORT";
}

}  // namespace callcache
