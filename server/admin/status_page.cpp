#include "server/admin/status_page.hpp"

#include "cache/digest.hpp"
#include "server/secrets/identity.hpp"

#include <cassert>

namespace callcache
{
namespace
{

// The one element of that name, as a policy names it: by what stands in it.
std::string source_of(std::string_view html, std::string_view element)
{
    std::string begin = "<" + std::string(element) + ">", end = "</" + std::string(element) + ">";
    std::size_t from = html.find(begin), to = html.rfind(end);
    assert(from != html.npos && to != html.npos && from < to);
    from += begin.size();
    digest d = sha256(html.substr(from, to - from));
    return "'sha256-" + base64({reinterpret_cast<const char*>(d.data()), d.size()}) + "'";
}

reply made()
{
    std::string_view html = status_page_html();
    reply r;
    r.fields = {
        {"Content-Type", "text/html; charset=utf-8"},
        {"Cache-Control", "no-store"},
        {"Content-Security-Policy",
         "default-src 'none'; script-src " + source_of(html, "script") + "; style-src " + source_of(html, "style") +
             "; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
             "require-trusted-types-for 'script'; trusted-types 'none'"},
        {"X-Content-Type-Options", "nosniff"},
        {"Referrer-Policy", "no-referrer"},
        {"Cross-Origin-Resource-Policy", "same-origin"}};
    r.body = html;
    return r;
}

}  // namespace

const reply& status_page()
{
    static const reply page = made();
    return page;
}

}  // namespace callcache
