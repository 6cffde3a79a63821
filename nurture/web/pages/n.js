// Tells nurture that a page of ours was read. No cookie, nothing kept in the browser.
// A link in a mail brings `nv`; it is taken out of the address, so that nobody passes it on unawares,
// and carried along to the next page of this site.
(function () {
  var home = new URL("p/", document.currentScript.src);
  var here = new URL(location.href);
  var nv = here.searchParams.get("nv") || "";
  if (nv) {
    here.searchParams.delete("nv");
    history.replaceState(history.state, "", here);
    document.addEventListener("click", carry, true);
  }
  function carry(event) {
    var link = event.target.closest && event.target.closest("a[href]");
    if (!link || link.origin !== location.origin) return;
    var to = new URL(link.href);
    if (to.pathname === location.pathname && to.search === location.search) return;
    to.searchParams.set("nv", nv);
    link.href = to;
  }
  function tell() {
    navigator.sendBeacon(home, JSON.stringify({ nv: nv, url: location.origin + location.pathname }));
  }
  if (document.prerendering) document.addEventListener("prerenderingchange", tell, { once: true });
  else tell();
})();
