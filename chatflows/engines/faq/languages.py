"""Words of questions that do not tell what is asked, in languages with spaces but English. Pure.

They count only in an FAQ that is written in their language: English has words that look alike.
"""
# ruff: noqa: RUF001 (letters of other scripts are what this is about)

STOP_WORDS = {
    "es": """
        cómo qué quién quiénes cuál cuáles cuándo cuánto cuánta cuántos cuántas dónde
        adónde por para porque el la los las un una unos unas lo de del a al en con sin
        y o u e es son está están estás estoy estar ser soy eres hay he ha han tiene
        tienen tienes tengo puedo puede pueden puedes se me te le les nos mi mis tu tus
        su sus yo tú usted ustedes ellos él ella nosotros que si sí no hola gracias
        buenos buenas favor hace hacer hago hacen este esta esto ese esa eso muy más
    """,
    "pt": """
        como que quê quem qual quais quando quanto quanta quantos quantas onde aonde por
        para porque o a os as um uma uns umas de do da dos das em no na nos nas ao à com
        sem e ou é são está estão estou ser sou és há tem têm tenho vai vão posso pode
        podem se me te lhe meu minha meus minhas seu sua seus suas eu você vocês ele ela
        eles nós não sim olá obrigado obrigada bom boa favor faço fazer faz este esta
        isto esse essa isso muito mais tudo bem
    """,
    "it": """
        come che cosa chi quale quali qual quando quanto quanta quanti quante dove
        perché il lo la i gli le un uno una di del della dei delle dello degli a al alla
        ai alle in nel nella con senza e o è sono sei siete siamo essere c'è c ci sta
        stai state stare sto va vai ha hai ho hanno avete posso può possono si mi ti vi
        se mio mia miei mie tuo tua suo sua vostro vostra vostri vostre io tu lei voi
        noi loro non no sì per da dal dalla su ciao grazie buongiorno favore fare faccio
        fa questo questa quello tutto bene molto più
    """,
    "fr": """
        comment que quoi qui quel quelle quels quelles quand combien où pourquoi le la
        les l un une des de du d à au aux en dans avec sans et ou est c sont es suis
        êtes être a ai as avez avons ont y il elle ils elles je j tu vous nous on se s
        me m te t mon ma mes ton ta tes votre vos notre nos son sa ses leur leurs ce cet
        cette ces ça n ne pas non oui par pour sur qu si peut peux puis pouvez faire
        fait faites bonjour bonsoir salut merci plaît allez va vas vont très plus
    """,
    "de": """
        wie was wer wen wem wessen wann wo wohin woher warum wieso weshalb welche
        welcher welches welchen wieviel viel viele der die das den dem des ein eine
        einen einem einer eines ist sind bin bist sein war wird werden kann können könnt
        kannst könnte ich du er sie es wir ihr mir mich dir dich uns euch ihnen mein
        meine meinen meiner meinem dein deine euer eure ihre ihren ihrem unser und oder
        in im an am auf aus bei beim mit nach von vom zu zum zur für um ohne nicht kein
        keine ja nein man muss darf gibt geht hat habe haben hast habt macht bitte danke
        hallo guten heute denn da hier so sehr sich
    """,
    "nl": """
        hoe wat wie waar waarom wanneer welk welke hoeveel de het een is zijn ben bent
        was word wordt worden kan kunnen kun kunt ik je jij u hij zij ze we wij jullie
        mijn jouw uw haar ons onze hun en of in op aan uit bij met naar van voor om te
        ten tot zonder niet geen ja nee er dit dat deze die moet mag mogen gaat heb
        hebben hebt heeft doe doet doen hallo dank bedankt graag alstublieft vandaag zo
        erg
    """,
    "pl": """
        jak jaki jaka jakie jakich co czy kto kogo komu kiedy gdzie skąd dokąd dlaczego
        czemu ile który która które i a oraz lub albo w we na z ze do od dla za po przy
        o u bez jest są być jestem jesteś jesteście mam masz macie ma mają mogę może
        można możecie się mi mnie ci ciebie ty ja my wy on ona oni mój moja moje moją
        swój wasz wasza wasze waszą państwo pan pani nie tak to ten ta te tego tej
        proszę dziękuję dzień dobry cześć dziś dzisiaj bardzo
    """,
    "ru": """
        как какой какая какое какие каким какую что чем чего кто кого кому когда где
        куда откуда почему зачем сколько который ли и а или но в во на с со к ко из от
        для за по при о об у без до есть быть это этот эта эти то я ты он она мы вы они
        мне меня тебе вам вас нам нас мой моя моё мои мою свой свою ваш ваша ваше ваши
        вашу не нет да могу можно может можете нужно дела привет здравствуйте спасибо
        пожалуйста сегодня очень
    """,
    "uk": """
        як який яка яке які яку що чим чого хто кого кому коли де куди звідки чому
        навіщо скільки чи і й та а або але в у на з із зі до від для за по при про без є
        бути це цей ця ці то я ти він вона ми ви вони мені мене тобі вам вас нам нас мій
        моя моє мої мою свій свою ваш ваша ваше ваші вашу не ні так можу можна може
        можете потрібно справи привіт вітаю дякую ласка сьогодні дуже
    """,
    "tr": """
        nasıl ne neden niçin niye nedir neler kim kime kimin zaman nerede nereye nereden
        neresi kaç hangi hangisi mi mı mu mü misiniz mısınız musunuz miyim mıyım var yok
        ve veya ya da de ile için bir bu şu o ben sen biz siz onlar bana sana bize size
        benim senin bizim sizin olan olarak gibi kadar çok daha edebilir edebilirim
        yapabilir yapabilirim olur merhaba selam teşekkürler lütfen evet hayır değil
        bugün
    """,
    "vi": """
        bạn tôi mình anh chị em chúng ta là gì ai nào sao thế bao nhiêu lâu giờ khi đâu
        ở có không được phải và hay hoặc của cho với từ đến tại trong các những một này
        đó thì mà để như cách làm muốn cần hỏi xin chào cảm ơn vui lòng ạ nhé vậy rất
        hôm nay
    """,
    "hi": """
        क्या क्यों कैसे कैसा कैसी कब कहाँ कहां कौन किस किसे किसने कितना कितनी कितने का
        की के को से में पर ने तक और या है हैं हूँ हूं था थी थे हो होता होती होते मैं हम
        आप तुम वह यह वे ये मेरा मेरी मेरे हमारा आपका आपकी आपके आपको मुझे हमें अपना अपनी
        अपने कर करें करना करूँ करूं करते सकता सकती सकते कृपया नहीं हाँ हां भी ही तो
        नमस्ते धन्यवाद लिए आज बहुत नाम
    """,
    "id": """
        apa apakah bagaimana kapan mana dimana di ke dari berapa siapa mengapa kenapa
        saya aku anda kamu kami kita mereka dia yang untuk dan atau dengan tanpa pada
        ini itu adalah ada bisa dapat bisakah boleh tidak ya cara nya jika kalau akan
        sudah halo terima kasih tolong mohon selamat pagi hari apakabar sangat
    """,
}
