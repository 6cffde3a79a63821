// Tells nurture that a page of ours was read. No cookie. Nothing is kept in the browser until the visitor
// agrees: data-consent="given" where nobody has to be asked, else nurture.consent() from the site's banner.
// With data-consent="ask" nothing is even sent before nurture.consent(true) or nurture.consent(false).
// A link in a mail brings `nv`; it is taken out of the address, so that nobody passes it on unawares,
// and carried along to the next page of this site.
(function () {
  var me = document.currentScript, home = new URL("p/", me.src), forms = new URL("f/", me.src).href;
  var here = new URL(location.href), nv = here.searchParams.get("nv") || "", key = "nurture", told = false, mode = me.getAttribute("data-consent");
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
  function visitor() {
    try { return localStorage.getItem(key) || ""; } catch (blocked) { return ""; }
  }
  function fresh() {
    var bytes = String.fromCharCode.apply(null, crypto.getRandomValues(new Uint8Array(16)));
    return btoa(bytes).replace(/\+/g, "-").replace(/\//g, "_").replace(/=/g, "");
  }
  function tell() {
    if (told) return;
    told = true;
    navigator.sendBeacon(home, JSON.stringify({
      nv: nv, url: location.origin + location.pathname, visitor: visitor()
    }));
  }
  function consent(given) {
    try {
      if (given === false) localStorage.removeItem(key);
      else if (!visitor()) localStorage.setItem(key, fresh());
    } catch (blocked) {}
    when_seen();
  }
  function when_seen() {
    if (document.prerendering) document.addEventListener("prerenderingchange", tell, { once: true });
    else tell();
  }
  addEventListener("submit", function (event) {
    var form = event.target, id = visitor();
    var to = new URL(form.getAttribute("action") || "", here).href;
    if (!id || form.method !== "post" || to.indexOf(forms) || form.querySelector("[name=visitor]")) return;
    var field = document.createElement("input");
    field.type = "hidden"; field.name = "visitor"; field.value = id;
    form.appendChild(field);
  }, true);
  window.nurture = { consent: consent };
  if (mode === "given") consent();
  else if (mode !== "ask" || visitor()) when_seen();
})();
