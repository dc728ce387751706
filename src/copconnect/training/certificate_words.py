"""The words of certificates, in each language."""

from collections.abc import Mapping
from dataclasses import dataclass

from copconnect import wire


@dataclass(frozen=True, slots=True)
class CertificateText:
    """The words of one language. ``check``: what the code is for."""

    title: str
    states: str
    completed: str
    check: str
    courses: Mapping[wire.CourseName, str]


CRITERIA = "Every lesson read, every question answered."

WORDS: Mapping[wire.Language, CertificateText] = {
    "en": CertificateText(
        title="Certificate of training",
        states="This is to certify that",
        completed="has completed the course",
        check="Scan the code with a phone's camera to check this certificate.",
        courses={
            "officer": "Cop Connect for officers",
            "head": "Cop Connect for heads of units",
            "admin": "Cop Connect for administrators",
            "moderator": "Cop Connect for moderators",
        },
    ),
    "te": CertificateText(
        title="శిక్షణ ధ్రువపత్రం",
        states="దీని ద్వారా ధ్రువీకరించడమైనది:",
        completed="ఈ కోర్సును పూర్తి చేశారు",
        check="ఈ ధ్రువపత్రాన్ని సరిచూడటానికి ఫోన్ కెమెరాతో కోడ్‌ను స్కాన్ చేయండి.",
        courses={
            "officer": "అధికారులకు Cop Connect",
            "head": "యూనిట్ అధిపతులకు Cop Connect",
            "admin": "నిర్వాహకులకు Cop Connect",
            "moderator": "మోడరేటర్లకు Cop Connect",
        },
    ),
    "ur": CertificateText(
        title="تربیت کی سند",
        states="تصدیق کی جاتی ہے کہ",
        completed="نے یہ کورس مکمل کیا ہے",
        check="اس سند کو جانچنے کے لیے فون کے کیمرے سے کوڈ اسکین کریں۔",
        courses={
            "officer": "Cop Connect برائے افسران",
            "head": "Cop Connect برائے سربراہانِ یونٹ",
            "admin": "Cop Connect برائے منتظمین",
            "moderator": "Cop Connect برائے ماڈریٹرز",
        },
    ),
    "hi": CertificateText(
        title="प्रशिक्षण प्रमाणपत्र",
        states="प्रमाणित किया जाता है कि",
        completed="ने यह पाठ्यक्रम पूरा किया है",
        check="इस प्रमाणपत्र की जाँच के लिए फ़ोन के कैमरे से कोड स्कैन करें।",
        courses={
            "officer": "अधिकारियों के लिए Cop Connect",
            "head": "इकाई प्रमुखों के लिए Cop Connect",
            "admin": "प्रशासकों के लिए Cop Connect",
            "moderator": "मॉडरेटरों के लिए Cop Connect",
        },
    ),
}
