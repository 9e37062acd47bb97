#include "server/front/request_head.hpp"

#include "server/async/net.hpp"

#include <boost/beast/http/basic_parser.hpp>

namespace callcache
{
namespace
{

namespace http = boost::beast::http;

// A request's head, as Beast's parser tells it: the fields in their order, without copies.
class head_parser final : public http::basic_parser<true>
{
public:
    explicit head_parser(std::vector<field_view>& f) : fields(f) {}

    std::string_view method, target;
    int minor = 1;
    std::vector<field_view>& fields;

private:
    using text = boost::beast::string_view;
    static std::string_view view(text t) { return {t.data(), t.size()}; }

    void on_request_impl(http::verb, text m, text t, int version, error_code&) override
    {
        method = view(m);
        target = view(t);
        minor = version % 10;
    }
    void on_field_impl(http::field, text name, text value, error_code&) override
    {
        fields.push_back({view(name), view(value)});
    }
    void on_response_impl(int, text, int, error_code&) override {}
    void on_header_impl(error_code&) override {}
    void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code&) override {}
    std::size_t on_body_impl(text, error_code&) override { return 0; }
    void on_chunk_header_impl(std::uint64_t, text, error_code&) override {}
    std::size_t on_chunk_body_impl(std::uint64_t, text, error_code&) override { return 0; }
    void on_finish_impl(error_code&) override {}
};

}  // namespace

request_or_refusal read_request_head(std::string_view head, std::vector<field_view>& fields)
{
    fields.clear();
    head_parser parser(fields);
    parser.header_limit(std::uint32_t(head.size()));
    parser.body_limit(boost::none);  // no body is given to it
    error_code error;
    parser.put(asio::buffer(head), error);
    if (!error) return read_request(parser.method, parser.target, parser.minor, fields);
    request_or_refusal malformed;
    malformed.refused = refused_head{400, "the head is malformed: " + error.message()};
    return malformed;
}

}  // namespace callcache
