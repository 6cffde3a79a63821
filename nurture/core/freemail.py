"""Domains where anybody may have an address, so that the domain says nothing about a company.

The large consumer mailbox providers. One that is missing makes an account of strangers, so it may be named
in an import's account column meanwhile.
"""

FREE_MAIL = frozenset(
    """
    gmail.com googlemail.com
    outlook.com outlook.de outlook.fr outlook.es outlook.it hotmail.com hotmail.co.uk hotmail.de hotmail.fr
    hotmail.es hotmail.it live.com live.co.uk live.de live.fr live.nl live.it msn.com windowslive.com
    yahoo.com yahoo.co.uk yahoo.de yahoo.fr yahoo.es yahoo.it yahoo.ca yahoo.com.br yahoo.com.au yahoo.co.in
    yahoo.in yahoo.co.jp ymail.com rocketmail.com aol.com aol.co.uk aim.com verizon.net
    icloud.com me.com mac.com
    proton.me protonmail.com pm.me tutanota.com tuta.com tuta.io hey.com fastmail.com fastmail.fm
    gmx.com gmx.de gmx.net gmx.at gmx.ch web.de t-online.de freenet.de posteo.de mailbox.org arcor.de
    orange.fr wanadoo.fr free.fr laposte.net sfr.fr libero.it virgilio.it tiscali.it alice.it
    btinternet.com btopenworld.com sky.com talktalk.net virginmedia.com ntlworld.com blueyonder.co.uk
    comcast.net att.net sbcglobal.net bellsouth.net cox.net charter.net earthlink.net shaw.ca rogers.com
    bigpond.com optusnet.com.au xtra.co.nz
    mail.com email.com zoho.com zohomail.com inbox.com mail.ru bk.ru inbox.ru list.ru yandex.ru yandex.com
    rambler.ru ukr.net wp.pl o2.pl onet.pl interia.pl seznam.cz centrum.cz abv.bg
    qq.com 163.com 126.com sina.com sohu.com foxmail.com aliyun.com naver.com daum.net hanmail.net
    rediffmail.com uol.com.br bol.com.br terra.com.br hotmail.com.br outlook.com.br
    telenet.be skynet.be ziggo.nl kpnmail.nl xs4all.nl planet.nl home.nl bluewin.ch telia.com
    """.split()  # noqa: SIM905  a list of its own lines would be a page
)
